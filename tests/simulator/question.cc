#include "tests/simulator/question.h"

#include <fmt/format.h>

#include "services/common/base/digest.h"

namespace tollgate::simulator {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

constexpr std::string_view kOurs = "EqSim";

std::string_view text_at(element parent, std::string_view name) {
  std::string_view value;
  if (parent[name].get(value))
    return {};
  return value;
}

bool has(element parent, std::string_view name) {
  return !parent[name].error();
}

std::optional<ApiError> missing(std::string_view field) {
  return ApiError{400, fmt::format("{}: Field required", field)};
}

std::optional<ApiError> check_thinking(element block, std::size_t message, std::size_t index) {
  std::string_view type = text_at(block, "type");
  bool valid = true;
  if (type == "thinking") {
    std::string_view signature = text_at(block, "signature");
    valid = !signature.starts_with(kOurs) || signature == signature_of(text_at(block, "thinking"));
  } else if (type == "redacted_thinking") {
    std::string_view data = text_at(block, "data");
    valid = !data.starts_with(kOurs) || data == redacted_data();
  }
  if (valid)
    return {};
  std::string_view field = type == "thinking" ? "signature" : "data";
  return ApiError{400, fmt::format("messages.{}.content.{}: Invalid `{}` in `{}` block", message, index, field, type)};
}

void read_user_block(element block, Question& question) {
  std::string_view type = text_at(block, "type");
  if (type == "tool_result") {
    ++question.tool_results;
    bool failed = false;
    if (!block["is_error"].get(failed))
      question.tool_failed |= failed;
  }
  std::string_view text = text_at(block, "text");
  if (type != "text" || text.starts_with("<system-reminder>"))
    return;
  if (!question.text.empty())
    question.text += '\n';
  question.text += text;
}

std::optional<ApiError> read_message(element message, std::size_t position, Question& question) {
  std::string_view role = text_at(message, "role");
  if (role == "system" && position == 0)
    return ApiError{400, "messages.0: use the top-level 'system' parameter for the initial system prompt"};
  if (role != "user" && role != "assistant" && role != "system")
    return ApiError{400, fmt::format("messages.{}.role: Input should be 'user', 'assistant' or 'system'", position)};
  if (!has(message, "content"))
    return missing(fmt::format("messages.{}.content", position));
  if (role == "user") {
    question.text.clear();
    question.tool_results = 0;
    question.tool_failed = false;
  }
  std::string_view text;
  if (!message["content"].get(text)) {
    if (role == "user")
      question.text = text;
    return {};
  }
  array blocks;
  if (message["content"].get(blocks))
    return ApiError{400, fmt::format("messages.{}.content: Input should be a valid string or list", position)};
  std::size_t index = 0;
  for (element block : blocks) {
    if (role == "assistant") {
      if (auto error = check_thinking(block, position, index))
        return error;
    } else if (role == "user") {
      read_user_block(block, question);
    }
    ++index;
  }
  return {};
}

void read_thinking(element body, Question& question) {
  element thinking;
  if (body["thinking"].get(thinking))
    return;
  std::string_view type = text_at(thinking, "type");
  question.thinking = !type.empty() && type != "disabled";
  question.thinking_shown = text_at(thinking, "display") != "omitted";
}

void read_lists(element body, Question& question) {
  array list;
  if (!body["tools"].get(list))
    for (element tool : list)
      question.tools.emplace_back(text_at(tool, "name"));
  if (!body["stop_sequences"].get(list)) {
    for (element sequence : list) {
      std::string_view text;
      if (!sequence.get(text))
        question.stop_sequences.emplace_back(text);
    }
  }
}

}  // namespace

std::optional<ApiError> read_question(element body, std::string_view version, bool counts_only, Question& question) {
  if (!body.is<object>())
    return ApiError{400, "The request body is not a JSON object."};
  if (!has(body, "model"))
    return missing("model");
  question.model = text_at(body, "model");
  if (question.model.empty())
    return ApiError{400, "model: Input should be a valid string"};
  if (!counts_only && !has(body, "max_tokens"))
    return missing("max_tokens");
  if (!counts_only && (body["max_tokens"].get(question.max_tokens) || question.max_tokens < 0))
    return ApiError{400, "max_tokens: Input should be a valid integer, at least 0"};
  if (version == "2026-10-21")
    for (const char* name : {"temperature", "top_p", "top_k"})
      if (has(body, name))
        return ApiError{400, fmt::format("{}: Extra inputs are not permitted", name)};
  if (has(body, "stream") && body["stream"].get(question.stream))
    return ApiError{400, "stream: Input should be a valid boolean"};
  array messages;
  if (body["messages"].get(messages))
    return missing("messages");
  for (element message : messages)
    if (auto error = read_message(message, question.messages++, question))
      return error;
  if (question.messages == 0)
    return ApiError{400, "messages: at least one message is required"};
  read_thinking(body, question);
  read_lists(body, question);
  element schema;
  if (!body["output_config"]["format"]["schema"].get(schema))
    question.schema = schema;
  return {};
}

std::string signature_of(std::string_view thinking) {
  std::string signature(kOurs);
  std::string digest(thinking);
  for (int i = 0; i < 4; ++i) {
    digest = sha256_hex(digest);
    signature += digest;
  }
  return signature;
}

std::string redacted_data() {
  return signature_of("redacted");
}

}  // namespace tollgate::simulator
