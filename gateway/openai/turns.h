// The messages of a chat as `system` and `messages` of the Messages API. Pure.
#pragma once

#include <simdjson.h>

#include <string>

#include "absl/status/statusor.h"

namespace tollgate::chat {

struct Turns {
  // Text blocks, with commas, without the brackets around them; empty: none.
  std::string system;
  // Turns, the same way.
  std::string messages;
  // The last assistant message calls tools, its results are what the conversation ends with, and no thinking of it has
  // come back: the API then refuses to think with a budget.
  bool loop_without_thinking = false;
};

// Whether a system or developer message stands behind the first other one.
bool has_later_system(const simdjson::dom::array& messages);

// `keep_system`: system messages behind a user's stay where they are; otherwise they join those at the beginning.
// Errors: KIND_INVALID_REQUEST, the member named as OpenAI does: messages[3].content[0].
absl::StatusOr<Turns> read_turns(const simdjson::dom::array& messages, bool keep_system);

// A tool call's id as the API takes it: unchanged, or cleaned so that different ids stay different.
std::string tool_id(std::string_view id);

}  // namespace tollgate::chat
