// Translates streams of chunks for tests that are written in other languages. Standard input has one JSON object a
// line:
// {"stream": "...", "preset": "...", "quirks": {...}, "stop_sequences": [...]}. For each, standard output gets
// {"events": "..."}, or {"wrong": "..."} when cutting the stream somewhere changes what comes out.
#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/translation/chat_replay.h"

namespace {

using nlohmann::json;
using namespace tollgate;

json translated(const json& line) {
  const std::string stream = line.at("stream");
  openai::AnswerContext context =
      test::chat_context(line.value("preset", ""), line.contains("quirks") ? line.at("quirks").dump() : "");
  context.stop_sequences = line.value("stop_sequences", std::vector<std::string>());
  const std::string events = test::replay_chat(context, stream);
  for (std::size_t cut = 1; cut < stream.size(); ++cut) {
    if (test::replay_cut(context, stream, cut) != events)
      return {{"wrong", fmt::format("cut at byte {}, other events come out", cut)}};
  }
  if (test::replay_chat(context, stream, 1) != events)
    return {{"wrong", "byte by byte, other events come out"}};
  return {{"events", events}};
}

}  // namespace

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    if (!line.empty())
      std::cout << translated(json::parse(line)).dump() << "\n";
  }
  return 0;
}
