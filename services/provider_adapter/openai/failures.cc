#include "services/provider_adapter/openai/failures.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <vector>

#include "services/common/base/errors.h"
#include "services/common/base/json_writer.h"
#include "services/provider_adapter/anthropic/failures.h"

namespace tollgate::openai {
namespace {

namespace dom = simdjson::dom;

struct ChatError {
  std::string message;
  std::string type;
  std::string code;
  // A status that the body names; 0: none.
  unsigned status = 0;
};

std::string scalar_of(const dom::object& object, std::string_view name) {
  dom::element value;
  if (object.at_key(name).get(value) || value.is_null() || value.is_object() || value.is_array())
    return {};
  std::string_view text;
  return value.get_string().get(text) ? simdjson::minify(value) : std::string(text);
}

unsigned status_of(std::string_view text) {
  unsigned status = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), status);
  return failed == std::errc() && end == text.data() + text.size() && status >= 400 && status < 600 ? status : 0;
}

std::optional<ChatError> read_error(const std::string& body) {
  dom::parser parser;
  dom::element document;
  dom::object object;
  if (parser.parse(body).get(document))
    return std::nullopt;
  // Some of Google's come in an array of one.
  dom::array array;
  if (!document.get_array().get(array) && array.size() == 1)
    document = array.at(0);
  if (document.get_object().get(object))
    return std::nullopt;
  ChatError error;
  dom::object inner;
  if (!object.at_key("error").get_object().get(inner)) {
    error.message = scalar_of(inner, "message");
    error.type = scalar_of(inner, "type");
    error.code = scalar_of(inner, "code");
  } else {
    error.message = scalar_of(object, "error");
  }
  for (const char* name : {"message", "detail"}) {
    if (error.message.empty())
      error.message = scalar_of(object, name);
  }
  dom::array details;
  if (error.message.empty() && !object.at_key("detail").get_array().get(details) && details.size() > 0) {
    dom::object first;
    if (!details.at(0).get_object().get(first))
      error.message = scalar_of(first, "msg");
  }
  if (error.type.empty())
    error.type = scalar_of(object, "type");
  if (error.code.empty())
    error.code = scalar_of(object, "code");
  error.status = status_of(error.code);
  return error;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != text.npos;
}

struct Row {
  // Of `code` or `type`.
  std::string_view name;
  unsigned status;
};
// What an upstream calls it, where that says more than its status.
constexpr std::array kRows = {
    // No money left there: not a matter of waiting.
    Row{"insufficient_quota", 402},
    Row{"billing_hard_limit_reached", 402},
    Row{"insufficient_credits", 402},
    Row{"invalid_api_key", 401},
    Row{"model_not_found", 404},
    Row{"rate_limit_exceeded", 429},
    Row{"engine_overloaded", 529},
    Row{"server_overloaded", 529},
    Row{"overloaded_error", 529},
    Row{"service_unavailable", 529},
    Row{"insufficient_system_resource", 529},
};

unsigned api_status(unsigned status, const ChatError& error) {
  for (const Row& row : kRows) {
    if (row.name == error.code || row.name == error.type)
      return row.status;
  }
  switch (status) {
    case 422:
      return 400;
    case 498:  // Groq: capacity exceeded.
    case 503:
      return 529;
    default:
      return status;
  }
}

std::string api_error(unsigned status, std::string_view message) {
  std::string json;
  JsonWriter(json)
      .begin_object()
      .member("type", "error")
      .key("error")
      .begin_object()
      .member("type", error_type_of(status))
      .member("message", message)
      .end_object()
      .end_object();
  return json;
}

// The numbers of a text, those of less than two digits left out.
std::vector<std::int64_t> numbers_of(std::string_view text) {
  std::vector<std::int64_t> numbers;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  for (std::size_t at = 0; at < text.size();) {
    if (!is_digit(text[at])) {
      ++at;
      continue;
    }
    std::string digits;
    while (at < text.size() &&
           (is_digit(text[at]) || (text[at] == ',' && at + 1 < text.size() && is_digit(text[at + 1]))))
      if (const char c = text[at++]; c != ',')
        digits += c;
    std::int64_t number = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (digits.size() > 1 && digits.size() < 13)
      numbers.push_back(number);
  }
  return numbers;
}

}  // namespace

std::string context_message(std::string_view code, std::string_view message) {
  const std::string text = lower(message);
  const bool context = code == "context_length_exceeded" || code == "exceed_context_size_error" ||
                       has(text, "maximum context length") || has(text, "context size") ||
                       has(text, "context length exceeded") || has(text, "prompt is too long") ||
                       has(text, "context window") || has(text, "maximum prompt length");
  if (!context)
    return {};
  if (has(text, "prompt is too long:"))
    return std::string(message);
  // "maximum context length is 8192 tokens. However, you requested 9000 tokens (5000 in the messages, 4000 in the
  // completion)".
  std::vector<std::int64_t> numbers = numbers_of(text);
  if (has(text, "in the messages") && has(text, "in the completion") && numbers.size() >= 4 &&
      numbers[2] <= numbers[0]) {
    return fmt::format(
        "input length and `max_tokens` exceed context limit: {} + {} > {}, decrease input length or "
        "`max_tokens` and try again",
        numbers[2], numbers[3], numbers[0]);
  }
  // The limit, and what was sent, in whichever order.
  if (numbers.size() >= 2) {
    const auto [least, most] = std::minmax(numbers[0], numbers[1]);
    if (least < most)
      return fmt::format("prompt is too long: {} tokens > {} maximum", most, least);
  }
  return fmt::format("prompt is too long: {}", message);
}

v1::Failure failure_of_response(std::string_view upstream, unsigned status, const boost::beast::http::fields& headers,
                                std::string body, bool complete, std::chrono::system_clock::time_point now) {
  const std::optional<ChatError> error = complete && status >= 400 ? read_error(body) : std::nullopt;
  if (!error || error->message.empty()) {
    return anthropic::failure_of_response(upstream, api_status(status, {}), headers, std::move(body), complete, now);
  }
  const std::string context = context_message(error->code.empty() ? error->type : error->code, error->message);
  if (!context.empty() && status < 500)
    return anthropic::failure_of_response(upstream, 400, headers, api_error(400, context), true, now);
  const unsigned meant = api_status(status, *error);
  return anthropic::failure_of_response(upstream, meant, headers, api_error(meant, error->message), true, now);
}

v1::Failure failure_of_event(std::string_view upstream, const std::string& json) {
  static const boost::beast::http::fields none;
  const ChatError error = read_error(json).value_or(ChatError());
  unsigned status = error.status;
  const std::string text = lower(error.message);
  if (status == 0 && (has(text, "overloaded") || has(text, "capacity")))
    status = 529;
  if (status == 0 && has(text, "rate limit"))
    status = 429;
  const std::string context = context_message(error.code.empty() ? error.type : error.code, error.message);
  if (!context.empty())
    return failure_of_response(upstream, 400, none, api_error(400, context), true, {});
  const std::string message = error.message.empty() ? "The upstream broke its answer off." : error.message;
  const unsigned meant = api_status(status == 0 ? 500 : status, error);
  return anthropic::failure_of_response(upstream, meant, none, api_error(meant, message), true, {});
}

}  // namespace tollgate::openai
