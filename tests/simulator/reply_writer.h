// Puts a reply on the wire: pace, write sizes, framing, breaks.
#pragma once

#include <functional>

#include "tests/simulator/reply.h"
#include "tests/simulator/transport.h"

namespace tollgate::simulator {

// Writes `reply`. True: the connection can carry another request. `outcome` is kept up to date while it runs, so that
// a cancellation loses nothing; it outlives the call, as do the others. `bodiless`: HEAD.
Awaitable<bool> write_reply(Transport& transport, const Reply& reply, bool bodiless, Outcome& outcome);

// True when writing it takes time by itself, so that the client should be watched meanwhile.
bool takes_time(const Reply& reply);

}  // namespace tollgate::simulator
