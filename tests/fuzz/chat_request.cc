// A chat completion request is refused, or becomes a request of the Messages API that is well-formed.
#include "gateway/openai/chat_request.h"

#include <simdjson.h>

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "gateway/openai/completion.h"
#include "tests/fuzz/must.h"

using namespace tollgate::chat;
using tollgate::fuzz::must;

namespace {

void check_turns(simdjson::dom::array turns) {
  std::string_view before;
  for (const simdjson::dom::element turn : turns) {
    std::string_view role;
    simdjson::dom::array blocks;
    must(!turn["role"].get_string().get(role) && role != before, "turns change their role");
    must(!turn["content"].get_array().get(blocks) && blocks.size() > 0, "a turn has blocks");
    before = role;
    for (const simdjson::dom::element block : blocks) {
      std::string_view type;
      must(!block["type"].get_string().get(type), "a block has a type");
      simdjson::dom::object input;
      must(type != "tool_use" || !block["input"].get_object().get(input), "a tool's input is an object");
    }
  }
}

void check_body(const std::string& body) {
  simdjson::dom::parser parser;
  simdjson::dom::object request;
  must(!parser.parse(body).get_object().get(request), "the body is a JSON object");
  std::string_view model;
  std::int64_t max_tokens = 0;
  simdjson::dom::array turns;
  must(!request["model"].get_string().get(model) && !model.empty(), "it has a model");
  must(!request["max_tokens"].get_int64().get(max_tokens) && max_tokens > 0, "it has max_tokens");
  must(!request["messages"].get_array().get(turns), "it has messages");
  check_turns(turns);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // The same bytes as an answer: refused or turned into a completion.
  if (const auto json = completion_json(text, {}, false, 1); json.ok()) {
    simdjson::dom::parser parser;
    must(!parser.parse(*json).error(), "a completion is JSON");
  }
  const auto request = ChatRequest::read(text);
  if (!request.ok()) {
    must(absl::IsInvalidArgument(request.status()), "what is refused is an invalid request");
    return 0;
  }
  (void)request->depends_on_model();
  for (const bool flag : {false, true}) {
    const ModelTraits traits{.default_max_tokens = 32000, .later_system = flag, .thinks_by_budget = flag};
    const auto body = request->messages_body(traits);
    if (body.ok())
      check_body(*body);
    else
      must(absl::IsInvalidArgument(body.status()), "what is refused is an invalid request");
  }
  return 0;
}
