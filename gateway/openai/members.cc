#include "gateway/openai/members.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "gateway/openai/json_read.h"

namespace tollgate::chat {
namespace {

using simdjson::dom::array;
using simdjson::dom::object;

bool is_one(Element value) {
  std::int64_t number = 0;
  return !value.get_int64().get(number) && number == 1;
}

bool is_zero(Element value) {
  double number = 1;
  return !value.get_double().get(number) && number == 0;
}

bool is_false(Element value) {
  bool flag = true;
  return !value.get_bool().get(flag) && !flag;
}

bool is_empty_object(Element value) {
  object members;
  return !value.get_object().get(members) && members.size() == 0;
}

bool is_text_only(Element value) {
  array list;
  return !value.get_array().get(list) && list.size() == 1 && text_of(*list.begin()) == "text";
}

bool never(Element) {
  return false;
}

struct Row {
  std::string_view name;
  // Unset: any value will do.
  bool (*allowed)(Element) = nullptr;
  // Why another value will not.
  std::string_view reason = {};
};

constexpr std::string_view kOneAnswer = "one answer is given to a request. Send the request again for another.";
constexpr std::string_view kNoLogprobs = "the models behind this gateway report no probabilities.";
constexpr std::string_view kNoSound = "only text comes out of the models behind this gateway.";
constexpr std::string_view kNoPenalty = "this cannot be passed on to the models behind this gateway. Leave it out.";

constexpr std::array kRows = {
    Row{"model"},
    Row{"messages"},
    Row{"max_tokens"},
    Row{"max_completion_tokens"},
    Row{"stream"},
    Row{"stream_options"},
    Row{"stop"},
    Row{"temperature"},
    Row{"top_p"},
    Row{"top_k"},
    Row{"tools"},
    Row{"tool_choice"},
    Row{"parallel_tool_calls"},
    Row{"response_format"},
    Row{"reasoning_effort"},
    Row{"reasoning"},
    Row{"include_reasoning"},
    Row{"thinking"},
    Row{"cache_control"},
    Row{"user"},
    Row{"safety_identifier"},
    Row{"prompt_cache_key"},
    // The router's own.
    Row{"provider"},
    Row{"models"},
    Row{"fallbacks"},
    Row{"session_id"},
    Row{"plugins"},
    Row{"route"},
    Row{"transforms"},
    Row{"trace"},
    // Hints: leaving them out breaks no promise.
    Row{"seed"},
    Row{"metadata"},
    Row{"prediction"},
    Row{"verbosity"},
    Row{"prompt_cache_retention"},
    Row{"usage"},
    Row{"n", is_one, kOneAnswer},
    Row{"logprobs", is_false, kNoLogprobs},
    Row{"top_logprobs", is_zero, kNoLogprobs},
    Row{"modalities", is_text_only, kNoSound},
    Row{"audio", never, kNoSound},
    Row{"frequency_penalty", is_zero, kNoPenalty},
    Row{"presence_penalty", is_zero, kNoPenalty},
    Row{"logit_bias", is_empty_object, kNoPenalty},
    Row{"store", is_false, "completions are not kept here."},
    Row{"service_tier", [](Element value) { return text_of(value) == "auto" || text_of(value) == "default"; },
        "expected auto or default."},
    Row{"web_search_options", never, "searching the web cannot be asked for here. Use POST /v1/messages."},
    Row{"functions", never, "this member is out of use. Send the functions as tools."},
    Row{"function_call", never, "this member is out of use. Send it as tool_choice."},
};

}  // namespace

absl::Status check_members(const object& request) {
  std::array<bool, kRows.size()> seen{};
  for (const simdjson::dom::key_value_pair member : request) {
    const auto& [name, value] = member;
    const auto named = [&member](const Row& row) { return row.name == member.key; };
    const auto row = std::find_if(kRows.begin(), kRows.end(), named);
    if (row == kRows.end())
      return bad(name, "this member is not known here. Leave it out.");
    bool& twice = seen[static_cast<std::size_t>(row - kRows.begin())];
    if (twice)
      return bad(name, "this member stands twice in the request");
    twice = true;
    if (!value.is_null() && row->allowed != nullptr && !row->allowed(value))
      return bad(name, row->reason);
  }
  return absl::OkStatus();
}

}  // namespace tollgate::chat
