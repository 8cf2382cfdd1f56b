// What a scripted body reports as usage: what its author considers billed.
#pragma once

#include <string>
#include <string_view>

#include "tests/simulator/reply.h"

namespace tollgate::simulator {

struct Reported {
  Usage usage;
  // What it is made of: the sums as they are reported, and the compactions in `iterations`, which they leave out.
  Usage sums;
  Usage compactions;
  std::string message_id;
  bool found = false;
};

// Adds what the JSON of one event, or of one whole message, says. Values of later events replace those of earlier ones.
void add_reported(std::string_view json, Reported& reported);

// The same for events in their form on the wire.
void add_reported_events(std::string_view sse, Reported& reported);

}  // namespace tollgate::simulator
