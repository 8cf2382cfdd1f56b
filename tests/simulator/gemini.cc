#include "tests/simulator/gemini.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "tests/simulator/answer.h"
#include "tests/simulator/gemini_request.h"
#include "tests/simulator/json_text.h"

namespace tollgate::simulator {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kStudio = "/v1beta/models";
constexpr std::string_view kPublisher = "/publishers/google/models/";
constexpr std::size_t kDeltaBytes = 48;

Reply json_reply(unsigned status, const Json& json) {
  Reply reply;
  reply.status = status;
  reply.headers = {{"content-type", "application/json; charset=UTF-8"}, {"server-timing", "gfet4t7; dur=12"}};
  reply.body.push_back({json.dump()});
  return reply;
}

Reply google_error(unsigned status, std::string_view name, std::string_view message, std::string_view reason = "") {
  Json error = {{"code", status}, {"message", message}, {"status", name}};
  if (!reason.empty()) {
    error["details"] = Json::array(
        {{{"@type", "type.googleapis.com/google.rpc.ErrorInfo"}, {"reason", reason}, {"domain", "googleapis.com"}}});
  }
  return json_reply(status, {{"error", error}});
}

Reply invalid(std::string_view message) {
  return google_error(400, "INVALID_ARGUMENT", message);
}

Json part_of(const Block& block, std::string_view model, bool first_call, bool vertex) {
  if (block.kind == Block::Kind::kThinking)
    return {{"text", block.text}, {"thought", true}};
  if (block.kind != Block::Kind::kToolUse)
    return {{"text", block.text}};
  const Json args = Json::parse(block.input);
  Json call;
  if (!vertex)
    call["id"] = block.id.substr(block.id.size() - 8);
  call["name"] = block.name;
  call["args"] = args;
  Json part = {{"functionCall", call}};
  if (first_call && signs_thoughts(model))
    part["thoughtSignature"] = gemini_signature(model, block.name, args);
  return part;
}

std::string finish_reason(const Message& message, std::string_view text) {
  constexpr std::string_view kFinish = "[[finish ";
  if (const std::size_t at = text.find(kFinish); at != text.npos) {
    text.remove_prefix(at + kFinish.size());
    return std::string(text.substr(0, text.find("]]")));
  }
  return message.stop_reason == "max_tokens" ? "MAX_TOKENS" : "STOP";
}

Json usage_of(const Usage& usage) {
  Json json = {{"promptTokenCount", usage.input + usage.cache_read}};
  if (usage.cache_read > 0)
    json["cachedContentTokenCount"] = usage.cache_read;
  if (usage.output > usage.thinking)
    json["candidatesTokenCount"] = usage.output - usage.thinking;
  if (usage.thinking > 0)
    json["thoughtsTokenCount"] = usage.thinking;
  json["totalTokenCount"] = usage.input + usage.cache_read + usage.output;
  return json;
}

Json response_of(const Message& message, Json parts, const Json& usage, std::string_view reason = "") {
  Json candidate = {{"content", {{"role", "model"}, {"parts", std::move(parts)}}}};
  if (!reason.empty())
    candidate["finishReason"] = reason;
  candidate["index"] = 0;
  return {{"candidates", Json::array({candidate})},
          {"usageMetadata", usage},
          {"modelVersion", message.model},
          {"responseId", message.id}};
}

Piece event_of(const Json& json, std::int64_t tokens = 0) {
  Piece piece{"data: " + json.dump() + "\r\n\r\n"};
  piece.output_tokens = tokens;
  return piece;
}

// Texts and thoughts in pieces, calls whole.
std::vector<Piece> events_of(const Message& message, const std::string& reason, bool vertex) {
  std::vector<Piece> events;
  Usage before = message.usage;
  before.output = before.thinking = 0;
  bool first_call = true;
  for (const Block& block : message.content) {
    if (block.kind == Block::Kind::kToolUse) {
      Json part = part_of(block, message.model, std::exchange(first_call, false), vertex);
      events.push_back(event_of(response_of(message, Json::array({part}), usage_of(before)), tokens_of(block.input)));
      continue;
    }
    std::string_view text = block.text;
    while (!text.empty()) {
      const std::string_view delta = utf8_prefix(text, kDeltaBytes);
      text.remove_prefix(delta.size());
      Block some = block;
      some.text = delta;
      const Json part = part_of(some, message.model, false, vertex);
      events.push_back(event_of(response_of(message, Json::array({part}), usage_of(before)), tokens_of(delta)));
    }
  }
  events.push_back(event_of(response_of(message, Json::array({{{"text", ""}}}), usage_of(message.usage), reason)));
  return events;
}

}  // namespace

bool Gemini::is_call(const Request& request) {
  const std::string_view path = request.path();
  return path.starts_with(kStudio) || (path.starts_with("/v1/projects/") && path.find(kPublisher) != path.npos);
}

Reply Gemini::handle(const Request& request) {
  const std::string_view path = request.path();
  const bool vertex = !path.starts_with(kStudio);
  for (const char* header : {"x-api-key", "anthropic-version", "anthropic-beta"}) {
    if (!request.header(header).empty())
      return invalid(fmt::format("{}: this header does not belong here", header));
  }
  if (vertex) {
    if (!vertex_.accepts(request)) {
      return google_error(401, "UNAUTHENTICATED",
                          "Request had invalid authentication credentials. Expected OAuth 2 access token.");
    }
    if (!path.starts_with(fmt::format("/v1/projects/{}/locations/", project_)))
      return google_error(403, "PERMISSION_DENIED", "Permission denied on resource project.");
  } else if (!api_key_.empty() && request.header("x-goog-api-key") != api_key_) {
    return request.header("x-goog-api-key").empty()
               ? google_error(403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers.")
               : google_error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.",
                              "API_KEY_INVALID");
  }
  if (!vertex && path == kStudio && request.method == "GET")
    return json_reply(200, {{"models", Json::array({{{"name", "models/gemini-3.1-pro-preview"}}})}});
  const std::string_view rest = vertex ? path.substr(path.find(kPublisher) + kPublisher.size())
                                       : path.substr(std::min(path.size(), kStudio.size() + 1));
  const std::size_t colon = rest.rfind(':');
  const std::string model = percent_decoded(rest.substr(0, colon));
  if (request.method != "POST" || colon == rest.npos || !model.starts_with("gem")) {
    return google_error(404, "NOT_FOUND",
                        fmt::format("models/{} is not found for API version v1beta, or is not supported", model));
  }
  const std::string_view action = rest.substr(colon + 1);
  const std::string_view query =
      request.target.size() > path.size() ? std::string_view(request.target).substr(path.size() + 1) : "";
  if (action == "countTokens")
    return count(request, model, vertex);
  if (action == "streamGenerateContent" && query == "alt=sse")
    return generate(request, model, true, vertex);
  if (action == "generateContent" && query.empty())
    return generate(request, model, false, vertex);
  return google_error(404, "NOT_FOUND", "The requested URL was not found on this server.");
}

Reply Gemini::count(const Request& request, std::string_view model, bool vertex) {
  const Json body = Json::parse(request.body, nullptr, false);
  if (!body.is_object() || (!vertex && !body.contains("generateContentRequest")))
    return invalid("Invalid JSON payload received.");
  const Json& asked = vertex ? body : body["generateContentRequest"];
  if (!vertex && asked.value("model", "") != fmt::format("models/{}", model))
    return invalid("model: does not fit the path");
  if (const std::string wrong = read_gemini(asked, model, nullptr); !wrong.empty())
    return invalid(wrong);
  return json_reply(200, {{"totalTokens", std::max<std::size_t>(1, request.body.size() / 4)}});
}

Reply Gemini::generate(const Request& request, std::string_view model, bool stream, bool vertex) {
  const Json body = Json::parse(request.body, nullptr, false);
  if (body.is_discarded())
    return invalid("Invalid JSON payload received.");
  GeminiQuestion asked;
  if (const std::string wrong = read_gemini(body, model, &asked); !wrong.empty())
    return invalid(wrong);
  Message message = answer(asked.question, serial_.fetch_add(1, std::memory_order_relaxed));
  message.usage.input = std::max<std::int64_t>(1, tokens_of(request.body));
  // As Google does without being asked: what an earlier request began with.
  if (asked.question.messages > 2) {
    message.usage.cache_read = message.usage.input / 2;
    message.usage.input -= message.usage.cache_read;
  }
  Reply reply = json_reply(200, Json::object());
  if (asked.question.text.find("[[block]]") != std::string::npos) {
    const Json blocked = {{"promptFeedback", {{"blockReason", "SAFETY"}}},
                          {"usageMetadata", {{"promptTokenCount", message.usage.input}}},
                          {"responseId", message.id}};
    reply.body = {stream ? event_of(blocked) : Piece{blocked.dump()}};
  } else if (stream) {
    reply.body = events_of(message, finish_reason(message, asked.question.text), vertex);
  } else {
    Json parts = Json::array();
    bool first_call = true;
    for (const Block& block : message.content) {
      const bool call = block.kind == Block::Kind::kToolUse;
      parts.push_back(part_of(block, model, call && std::exchange(first_call, false), vertex));
    }
    const std::string reason = finish_reason(message, asked.question.text);
    reply.body = {Piece{response_of(message, parts, usage_of(message.usage), reason).dump()}};
    reply.body.back().output_tokens = message.usage.output;
  }
  if (stream) {
    reply.headers.front().second = "text/event-stream";
    reply.framing = Reply::Framing::kChunked;
  }
  reply.stream = stream;
  reply.billable = true;
  reply.model = model;
  reply.message_id = message.id;
  reply.usage = message.usage;
  return reply;
}

}  // namespace tollgate::simulator
