// What the simulator understands of a GenerateContentRequest, and what it refuses of one, as Google does.
// Source: https://ai.google.dev/api/generate-content
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "tests/simulator/question.h"

namespace tollgate::simulator {

struct GeminiQuestion {
  Question question;
  // Owns what question.schema points into.
  simdjson::dom::parser schema;
};

// Empty: it is right. Else the text of an INVALID_ARGUMENT. `question` may be null: tokens are counted. Strict about
// names that no request has, about parts, the order of calls and their results, schemas, and, from Gemini 3 on, about
// thought signatures.
std::string read_gemini(const nlohmann::ordered_json& body, std::string_view model, GeminiQuestion* question);

// What stands at the first call of an answer, as its model signs it: nobody else's is taken.
std::string gemini_signature(std::string_view model, std::string_view name, const nlohmann::ordered_json& args);

// Google began to insist on signatures with Gemini 3.
bool signs_thoughts(std::string_view model);

}  // namespace tollgate::simulator
