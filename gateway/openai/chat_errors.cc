#include "gateway/openai/chat_errors.h"

#include <algorithm>
#include <array>

#include "gateway/ascii.h"
#include "services/common/base/json_writer.h"

namespace tollgate::chat {
namespace {

struct Row {
  // Of the Messages API.
  std::string_view error_type;
  std::string_view type;
  // Empty: null.
  std::string_view code;
};

// The first is for what is not here.
constexpr std::array kRows = {
    Row{"api_error", "server_error", ""},
    Row{"invalid_request_error", "invalid_request_error", ""},
    Row{"authentication_error", "invalid_request_error", "invalid_api_key"},
    Row{"billing_error", "insufficient_quota", "insufficient_quota"},
    Row{"permission_error", "invalid_request_error", "permission_denied"},
    Row{"not_found_error", "invalid_request_error", "model_not_found"},
    Row{"request_too_large", "invalid_request_error", "request_too_large"},
    Row{"rate_limit_error", "rate_limit_error", "rate_limit_exceeded"},
    Row{"overloaded_error", "server_error", "overloaded"},
    Row{"timeout_error", "server_error", "timeout"},
};

const Row& row_of(std::string_view error_type) {
  const auto found =
      std::find_if(kRows.begin(), kRows.end(), [&](const Row& row) { return row.error_type == error_type; });
  return found == kRows.end() ? kRows.front() : *found;
}

// messages[3].content of "messages[3].content: expected ...".
std::string_view param_of(std::string_view message) {
  const std::string_view path = message.substr(0, message.find(": "));
  const auto in_path = [](char c) {
    return is_alphanumeric(c) || std::string_view("_.[]").find(c) != std::string_view::npos;
  };
  const bool named = path.size() < message.size() && std::all_of(path.begin(), path.end(), in_path);
  return named ? path : std::string_view();
}

void string_or_null(std::string_view text, JsonWriter& json) {
  if (text.empty())
    json.null();
  else
    json.string(text);
}

void write_error(const Row& row, std::string_view code, std::string_view message, JsonWriter& json) {
  json.key("error").begin_object().member("message", message).member("type", row.type);
  string_or_null(row.type == "invalid_request_error" ? param_of(message) : std::string_view(), json.key("param"));
  string_or_null(code, json.key("code"));
  json.end_object();
}

std::string_view code_of(const v1::Failure& failure) {
  if (failure.kind() == v1::Failure::KIND_CONTEXT_LENGTH)
    return "context_length_exceeded";
  return row_of(failure.error_type()).code;
}

std::string chunk_of(const CompletionHead& head, const Row& row, std::string_view code, std::string_view message) {
  std::string out = "data: ";
  JsonWriter json(out);
  head.begin("chat.completion.chunk", json);
  write_error(row, code, message, json);
  json.key("choices").begin_array().begin_object().member("index", 0).key("delta").begin_object();
  json.member("content", "").end_object().member("finish_reason", "error").end_object().end_array().end_object();
  return out + "\n\n";
}

}  // namespace

unsigned chat_status(unsigned http_status) {
  return http_status == 529 ? 503 : http_status;
}

std::string chat_error_json(const v1::Failure& failure) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  write_error(row_of(failure.error_type()), code_of(failure), failure.message(), json);
  json.end_object();
  return out;
}

std::string error_chunk(const CompletionHead& head, std::string_view type, std::string_view message) {
  const Row& row = row_of(type);
  return chunk_of(head, row, row.code, message);
}

std::string error_chunk(const v1::Failure& failure) {
  const CompletionHead head{.id = failure.generation_id(), .model = {}, .created = 0};
  return chunk_of(head, row_of(failure.error_type()), code_of(failure), failure.message());
}

}  // namespace tollgate::chat
