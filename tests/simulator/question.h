// What the simulator understands of a request of the Messages API.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::simulator {

// An error as the API answers it. Source: https://docs.anthropic.com/en/api/errors
struct ApiError {
  unsigned status = 400;
  std::string message;
};

struct Question {
  std::string model;
  bool stream = false;
  std::int64_t max_tokens = 0;
  std::vector<std::string> stop_sequences;
  // Thinking is asked for, and its text is to be shown.
  bool thinking = false;
  bool thinking_shown = true;
  std::vector<std::string> tools;
  // Of a structured output; lives as long as the parser.
  std::optional<simdjson::dom::element> schema;
  std::size_t messages = 0;
  // The text of the last user message, system reminders left out, and the results of tools in it.
  std::string text;
  std::size_t tool_results = 0;
  bool tool_failed = false;
};

// Reads and checks `body`. `version` is the anthropic-version. A request that counts tokens needs no max_tokens.
std::optional<ApiError> read_question(simdjson::dom::element body, std::string_view version, bool counts_only,
                                      Question& question);

// The signature of a thinking block of that text. One that claims to be ours and is another is refused, as the API
// does with every signature.
std::string signature_of(std::string_view thinking);

// The data of every redacted thinking block of the simulator's.
std::string redacted_data();

}  // namespace tollgate::simulator
