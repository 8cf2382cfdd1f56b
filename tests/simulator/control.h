// The control endpoints, on the same port as the API:
//   POST /_sim/script    appends steps (script.h)
//   POST /_sim/reset     forgets script and journal
//   POST /_sim/vertex    (vertex.h)
//   GET  /_sim/requests  what was received (journal.h)
//   GET  /_sim/billed    what is considered billed
//   GET  /_sim/stats     {"connections", "connections_opened", "active", "streams", "requests", "scripted"}
#pragma once

#include "tests/simulator/reply.h"

namespace tollgate::simulator {

struct Shared;

bool is_control(const Request& request);
Reply handle_control(const Request& request, Shared& shared);

}  // namespace tollgate::simulator
