#include "tests/simulator/api.h"

#include <fmt/format.h>

#include <array>
#include <ctime>

#include "tests/simulator/answer.h"
#include "tests/simulator/json_text.h"
#include "tests/simulator/load_knobs.h"

namespace tollgate::simulator {
namespace {

struct Model {
  std::string_view id;
  std::string_view name;
  std::string_view created_at;
  std::string_view line;
  int max_input_tokens;
  int max_tokens;
};

constexpr std::array kModels = {
    Model{"claude-opus-5-5", "Claude Opus 5.5", "2026-09-29T00:00:00Z", "opus", 1000000, 128000},
    Model{"claude-sonnet-5-5", "Claude Sonnet 5.5", "2026-09-29T00:00:00Z", "sonnet", 1000000, 128000},
    Model{"claude-haiku-5-5", "Claude Haiku 5.5", "2026-09-29T00:00:00Z", "haiku", 400000, 64000},
    Model{"claude-haiku-4-5-20251001", "Claude Haiku 4.5", "2025-10-15T00:00:00Z", "haiku", 200000, 64000},
    Model{"claude-sonnet-4-20250514", "Claude Sonnet 4", "2025-05-22T00:00:00Z", "sonnet", 200000, 64000},
};

std::string model_json(const Model& model) {
  return fmt::format(
      R"({{"type":"model","id":"{}","display_name":"{}","created_at":"{}","lifecycle":"active","line":"{}",)"
      R"("deprecated_at":null,"retires_at":null,"max_input_tokens":{},"max_tokens":{},"capabilities":null}})",
      model.id, model.name, model.created_at, model.line, model.max_input_tokens, model.max_tokens);
}

std::string models_json() {
  std::string data;
  for (const Model& model : kModels) {
    if (!data.empty())
      data += ',';
    data += model_json(model);
  }
  return fmt::format(R"({{"data":[{}],"has_more":false,"first_id":"{}","last_id":"{}"}})", data, kModels.front().id,
                     kModels.back().id);
}

Reply json_reply(std::string json) {
  Reply reply;
  reply.headers = api_headers("application/json");
  reply.body.push_back({std::move(json)});
  return reply;
}

std::string_view error_type(unsigned status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 402:
      return "billing_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 409:
      return "conflict_error";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_error";
    case 504:
      return "timeout_error";
    case 529:
      return "overloaded_error";
    default:
      return status < 500 ? "invalid_request_error" : "api_error";
  }
}

// Another one for each call.
std::string new_request_id() {
  static std::atomic<std::uint64_t> next{0};
  return fmt::format("req_011Sim{:014}", next.fetch_add(1, std::memory_order_relaxed));
}

std::string next_minute() {
  std::time_t now = std::time(nullptr) / 60 * 60 + 60;
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%FT%TZ", &utc)};
}

// A quarter of the body's bytes. Where the client marks a cache prefix, a conversation's first request writes three
// quarters of them into the cache and later ones read as much and add an eighth.
Usage input_usage(const Request& request, const Question& question) {
  Usage usage;
  std::int64_t total = std::max<std::int64_t>(1, static_cast<std::int64_t>(request.body.size()) / 4);
  usage.input = total;
  if (request.body.find("\"cache_control\"") == std::string::npos)
    return usage;
  bool first = question.messages <= 2;
  std::int64_t written = first ? total * 3 / 4 : total / 8;
  usage.cache_read = first ? 0 : total * 3 / 4;
  usage.input = total - written - usage.cache_read;
  bool hour = request.body.find("\"1h\"") != std::string::npos;
  (hour ? usage.cache_creation_1h : usage.cache_creation_5m) = written;
  return usage;
}

void put_message(Reply& reply, Message message, const LoadKnobs* knobs) {
  reply.headers = api_headers(reply.stream ? "text/event-stream; charset=utf-8" : "application/json");
  if (reply.stream) {
    reply.headers.emplace_back("cache-control", "no-cache");
    reply.framing = Reply::Framing::kChunked;
    reply.body = knobs ? load_events(*knobs, message) : message_events(message);
  } else {
    reply.body.push_back({knobs ? load_json(*knobs, message) : message_json(message)});
    reply.body.back().output_tokens = message.usage.output;
  }
  reply.billable = true;
  reply.model = std::move(message.model);
  reply.message_id = std::move(message.id);
  reply.usage = message.usage;
}

}  // namespace

Headers api_headers(std::string_view content_type) {
  Headers headers;
  headers.reserve(20);
  headers.emplace_back("content-type", content_type);
  headers.emplace_back("request-id", new_request_id());
  headers.emplace_back("anthropic-organization-id", "00000000-0000-4000-8000-000000000000");
  std::string reset = next_minute();
  for (std::string_view kind : {"requests", "input-tokens", "output-tokens", "tokens"}) {
    bool requests = kind == "requests";
    headers.emplace_back(fmt::format("anthropic-ratelimit-{}-limit", kind), requests ? "4000" : "2000000");
    headers.emplace_back(fmt::format("anthropic-ratelimit-{}-remaining", kind), requests ? "3999" : "1999000");
    headers.emplace_back(fmt::format("anthropic-ratelimit-{}-reset", kind), reset);
  }
  return headers;
}

Reply error_reply(unsigned status, std::string_view message) {
  Reply reply = json_reply({});
  reply.status = status;
  reply.body.front().bytes =
      fmt::format(R"({{"type":"error","error":{{"type":"{}","message":{}}},"request_id":"{}"}})", error_type(status),
                  json_string(message), find_header(reply.headers, "request-id"));
  return reply;
}

std::optional<Reply> Api::refuse(const Request& request) const {
  if (!api_key_.empty()) {
    std::string_view key = request.header("x-api-key");
    std::string_view authorization = request.header("authorization");
    bool bearer = authorization.starts_with("Bearer ");
    if (key.empty() && !bearer)
      return error_reply(401, "x-api-key header is required");
    if (bearer && authorization.substr(7) != api_key_)
      return error_reply(401, "Invalid bearer token");
    if (!bearer && key != api_key_)
      return error_reply(401, "invalid x-api-key");
  }
  if (request.header("anthropic-version").empty())
    return error_reply(400, "anthropic-version: header is required");
  return {};
}

Reply Api::handle(const Request& request) {
  std::string_view path = request.path();
  if (!path.starts_with("/v1/messages") && !path.starts_with("/v1/models"))
    return error_reply(404, "Not Found");
  if (std::optional<Reply> refusal = refuse(request))
    return std::move(*refusal);
  bool get = request.method == "GET" || request.method == "HEAD";
  bool message_call = path == "/v1/messages" || path == "/v1/messages/count_tokens";
  if (message_call && request.method != "POST")
    return error_reply(405, "Method Not Allowed");
  if (message_call)
    return messages(request, path != "/v1/messages");
  constexpr std::string_view kModelsPath = "/v1/models";
  if (!path.starts_with(kModelsPath))
    return error_reply(404, "Not Found");
  if (!get)
    return error_reply(405, "Method Not Allowed");
  if (path == kModelsPath)
    return json_reply(models_json());
  std::string id = percent_decoded(path.substr(std::min(path.size(), kModelsPath.size() + 1)));
  for (const Model& model : kModels)
    if (model.id == id)
      return json_reply(model_json(model));
  return error_reply(404, fmt::format("model: {}", id));
}

Reply Api::messages(const Request& request, bool counts_only) {
  thread_local simdjson::dom::parser parser;
  simdjson::dom::element body;
  if (auto error = parser.parse(request.body).get(body))
    return error_reply(400, fmt::format("The request body is not valid JSON: {}", simdjson::error_message(error)));
  Question question;
  if (auto error = read_question(body, request.header("anthropic-version"), counts_only, question))
    return error_reply(error->status, error->message);
  if (counts_only)
    return json_reply(fmt::format(R"({{"input_tokens":{}}})", std::max<std::size_t>(1, request.body.size() / 4)));
  std::optional<LoadKnobs> knobs;
  if (std::string_view header = request.header("x-sim"); !header.empty()) {
    std::string error;
    knobs = parse_load_knobs(header, error);
    if (!knobs)
      return error_reply(400, error);
  }
  Reply reply;
  if (knobs && knobs->status != 200) {
    reply = error_reply(knobs->status, "as asked for by x-sim");
  } else {
    std::uint64_t serial = serial_.fetch_add(1, std::memory_order_relaxed);
    Message message;
    if (knobs) {
      message.model = question.model;
      message.id = fmt::format("msg_01Sim{:016}", serial);
    } else {
      message = answer(question, serial);
    }
    Usage input = input_usage(request, question);
    input.output = message.usage.output;
    input.thinking = message.usage.thinking;
    message.usage = input;
    reply.stream = question.stream;
    put_message(reply, std::move(message), knobs ? &*knobs : nullptr);
  }
  if (knobs)
    reply.head_delay = knobs->first;
  return reply;
}

}  // namespace tollgate::simulator
