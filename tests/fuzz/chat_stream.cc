// Whatever the events are, the chunks are a chat completion: one role first, at most one end, and a last word.
#include "gateway/openai/chat_stream.h"

#include <simdjson.h>

#include <cstdint>
#include <string>
#include <vector>

#include "gateway/openai/event_text.h"
#include "tests/fuzz/must.h"

using namespace tollgate::chat;
using tollgate::fuzz::must;

namespace {

constexpr std::string_view kDone = "[DONE]";

std::string translated(const std::vector<std::string_view>& texts, ChatOptions options) {
  ChatStream stream(options, {.id = "gen-1", .model = "m", .created = 1});
  std::string out;
  for (const std::string_view text : texts)
    stream.push(text, out);
  stream.finish(1, out);
  return out;
}

// The text cut behind each blank line, so that every event comes by itself.
std::vector<std::string_view> event_by_event(std::string_view text) {
  std::vector<std::string_view> events;
  std::string_view rest = text;
  while (!rest.empty()) {
    if (take_line(rest).empty()) {
      events.push_back(text.substr(0, text.size() - rest.size()));
      text = rest;
    }
  }
  return events;
}

struct Checker {
  void take(std::string_view data) {
    must(!over, "nothing comes behind the end");
    if (data == kDone) {
      must(finished, "[DONE] comes behind a finish_reason");
      over = true;
      return;
    }
    simdjson::dom::object chunk;
    simdjson::dom::array choices;
    must(!parser.parse(data.data(), data.size()).get_object().get(chunk), "a chunk is a JSON object");
    must(!chunk["choices"].get_array().get(choices), "a chunk has choices");
    std::string_view id;
    must(!chunk["id"].get_string().get(id) && id == "gen-1", "all chunks have one id");
    simdjson::dom::element error;
    if (!chunk["error"].get(error)) {
      over = true;
    } else if (choices.size() == 0) {
      simdjson::dom::object usage;
      must(finished && !chunk["usage"].get_object().get(usage), "a chunk without a choice has the usage");
    } else {
      take_choice(choices.at(0).value());
    }
  }

  void take_choice(simdjson::dom::element choice) {
    must(!finished, "the finish_reason comes last");
    std::string_view role;
    must(choice["delta"]["role"].get_string().get(role) == (begun ? simdjson::NO_SUCH_FIELD : simdjson::SUCCESS),
         "the first chunk has the role, and no other");
    begun = true;
    std::string_view reason;
    finished = !choice["finish_reason"].get_string().get(reason);
    simdjson::dom::array calls;
    if (choice["delta"]["tool_calls"].get_array().get(calls))
      return;
    std::uint64_t index = 0;
    must(!calls.at(0)["index"].get_uint64().get(index) && index <= known_calls, "the indices of calls are dense");
    simdjson::dom::element named;
    const bool fresh = !calls.at(0)["id"].get(named);
    must(fresh == (index == known_calls), "a call is named once, in its first chunk");
    known_calls += fresh ? 1 : 0;
  }

  simdjson::dom::parser parser;
  bool begun = false;
  bool finished = false;
  bool over = false;
  std::uint64_t known_calls = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const bool more : {false, true}) {
    const ChatOptions options{.stream = true, .include_usage = more, .exclude_reasoning = more};
    const std::string whole = translated({text}, options);
    Checker checker;
    for_each_event(whole, [&](std::string_view chunk) { checker.take(chunk); });
    must(checker.over, "there is a last word");
    must(translated(event_by_event(text), options) == whole, "how the events come does not matter");
  }
  return 0;
}
