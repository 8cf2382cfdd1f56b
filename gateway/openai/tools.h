// Tools and the form of the answer, as the Messages API has them. Pure.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "gateway/openai/json_read.h"
#include "services/common/base/json_writer.h"

namespace tollgate::chat {

// `tools`, `tool_choice` and `parallel_tool_calls` of the request as members of `json`.
absl::Status write_tools(const simdjson::dom::object& request, JsonWriter& json);

// Whether the model must call a tool: the API does not think then.
bool forces_tool(const simdjson::dom::object& request);

// What `response_format` becomes.
struct AnswerForm {
  // Of output_config; empty: none.
  std::string format = {};
  // A text block for the system prompt; empty: none.
  std::string instruction = {};
};

absl::Status read_answer_form(const simdjson::dom::object& request, AnswerForm& form);

}  // namespace tollgate::chat
