// JSON as tests write it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "gateway/openai/chat_request.h"

namespace tollgate::chat {

using Json = nlohmann::ordered_json;

inline ModelTraits budget_traits() {
  return {.default_max_tokens = 32000, .later_system = false, .thinks_by_budget = true};
}

inline ModelTraits effort_traits() {
  return {.default_max_tokens = 32000, .later_system = true, .thinks_by_budget = false};
}

// The Messages request of a chat request, or the message of its error as a JSON string.
inline Json to_messages(const Json& chat, const ModelTraits& traits = budget_traits()) {
  const auto request = ChatRequest::read(chat.dump());
  if (!request.ok())
    return std::string(request.status().message());
  const auto body = request->messages_body(traits);
  if (!body.ok())
    return std::string(body.status().message());
  return Json::parse(*body);
}

// The same of a request with this member, and otherwise the least that there can be.
inline Json with_member(const std::string& name, const std::string& value,
                        const ModelTraits& traits = budget_traits()) {
  Json chat = Json::parse(R"({"model":"m","messages":[{"role":"user","content":"Hi"}]})");
  chat[name] = Json::parse(value);
  return to_messages(chat, traits);
}

inline Json with_messages(const std::string& messages, const ModelTraits& traits = budget_traits()) {
  return to_messages({{"model", "m"}, {"messages", Json::parse(messages)}}, traits);
}

}  // namespace tollgate::chat
