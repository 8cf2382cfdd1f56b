// Load without a script: the request header `x-sim: key=value;key=value` shapes the one answer.
//
//   events=N    the stream has N text deltas (default 10 when any stream knob is given)
//   bytes=N     bytes of text in each delta (default 20)
//   delay_ms=N  pause before each delta
//   size=N      bytes of text in the answer, streamed as one delta or not streamed
//   first_ms=N  pause before the response's head
//   status=N    an error of that status instead
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tests/simulator/message.h"

namespace tollgate::simulator {

struct LoadKnobs {
  std::uint32_t events = 10;
  std::size_t bytes = 20;
  milliseconds delay{0};
  std::optional<std::size_t> size;
  milliseconds first{0};
  unsigned status = 200;
};

// Null with `error` set: it names the knob that is wrong.
std::optional<LoadKnobs> parse_load_knobs(std::string_view header, std::string& error);

// The bodies of an answer shaped by `knobs`. `message` has id, model and input usage; its output usage is set.
std::vector<Piece> load_events(const LoadKnobs& knobs, Message& message);
std::string load_json(const LoadKnobs& knobs, Message& message);

}  // namespace tollgate::simulator
