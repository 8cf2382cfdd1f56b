#include "tests/simulator/load_knobs.h"

#include <fmt/format.h>

#include <charconv>

namespace tollgate::simulator {
namespace {

// Position of the first delta among the events of a message whose first block is a text.
constexpr std::size_t kFirstDelta = 3;

Block filler(std::size_t bytes) {
  Block block;
  block.text.assign(bytes, 'x');
  return block;
}

bool set(LoadKnobs& knobs, std::string_view name, std::uint32_t value) {
  if (name == "events")
    knobs.events = value;
  else if (name == "bytes")
    knobs.bytes = value;
  else if (name == "delay_ms")
    knobs.delay = milliseconds(value);
  else if (name == "size")
    knobs.size = value;
  else if (name == "first_ms")
    knobs.first = milliseconds(value);
  else if (name == "status")
    knobs.status = value;
  else
    return false;
  return true;
}

}  // namespace

std::optional<LoadKnobs> parse_load_knobs(std::string_view header, std::string& error) {
  LoadKnobs knobs;
  while (!header.empty()) {
    std::string_view knob = header.substr(0, header.find(';'));
    header.remove_prefix(std::min(header.size(), knob.size() + 1));
    while (!knob.empty() && knob.front() == ' ')
      knob.remove_prefix(1);
    std::size_t equals = std::min(knob.find('='), knob.size());
    std::string_view text = knob.substr(std::min(knob.size(), equals + 1));
    std::uint32_t value = 0;
    auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failure != std::errc() || end != text.data() + text.size() || !set(knobs, knob.substr(0, equals), value)) {
      error = fmt::format("x-sim: '{}' is no knob; use events, bytes, delay_ms, size, first_ms or status, each =NUMBER",
                          knob);
      return {};
    }
  }
  return knobs;
}

std::vector<Piece> load_events(const LoadKnobs& knobs, Message& message) {
  std::size_t bytes = knobs.size.value_or(knobs.bytes);
  std::uint32_t count = knobs.size ? 1 : knobs.events;
  message.content.push_back(filler(bytes));
  message.usage.output = std::max<std::int64_t>(1, count * tokens_of(message.content.front().text));
  std::vector<Piece> events = message_events(message, bytes);
  if (bytes == 0)
    return events;
  events[kFirstDelta].repeat = count;
  events[kFirstDelta].delay = knobs.delay;
  return events;
}

std::string load_json(const LoadKnobs& knobs, Message& message) {
  message.content.push_back(filler(knobs.size.value_or(knobs.events * knobs.bytes)));
  count_output(message);
  return message_json(message);
}

}  // namespace tollgate::simulator
