// What the simulator understands of a request for a chat completion.
#pragma once

#include <simdjson.h>

#include <optional>
#include <string>
#include <string_view>

#include "tests/simulator/question.h"

namespace tollgate::simulator {

struct ChatQuestion {
  // What to answer; see answer.h.
  Question question;
  bool include_usage = false;
  // The single user message of a model that applies edits.
  std::string apply;
};

// Reads and checks `body` as the upstream of that flavour does (openai.h): the error's message in its words.
std::optional<ApiError> read_chat_question(simdjson::dom::element body, std::string_view flavour, ChatQuestion& chat);

}  // namespace tollgate::simulator
