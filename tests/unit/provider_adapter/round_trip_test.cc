// Messages -> chat completions -> Messages: what both can express comes back as it was. What is lost on the way out
// stands in services/provider_adapter/openai/README.md, on the way in, in gateway/openai/README.md.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <random>

#include "services/provider_adapter/openai/request.h"
#include "tests/support/translation/chat_replay.h"
#include "tests/unit/gateway/chat_testing.h"

namespace tollgate::test {
namespace {

using json = nlohmann::json;
using List = std::vector<json>;

json there_and_back(const json& request) {
  translation::RequestReader reader;
  const auto read = reader.read(request.dump());
  if (!read.ok())
    return std::string(read.status().message());
  const auto table =
      openai::QuirkTable::make("openai", R"({"mid_system":"native","system_role":"system","effort_form":"openai"})");
  const auto chat = openai::chat_request(*read, {"up", "gpt-4.1", table->of("gpt-4.1"), test_envelopes()});
  if (!chat.ok())
    return std::string(chat.status().message());
  return json::parse(chat::to_messages(chat::Json::parse(*chat), chat::effort_traits()).dump());
}

// Text may stand as a string or as blocks, which mean the same.
json as_blocks(const json& content) {
  json blocks = content.is_string() ? json(List{{{"type", "text"}, {"text", content}}}) : content;
  for (json& block : blocks) {
    if (block.value("type", "") == "tool_result" && block.contains("content"))
      block["content"] = as_blocks(block["content"]);
  }
  return blocks;
}

json normal(json request) {
  request.erase("model");
  request.erase("stream");
  if (request.contains("system"))
    request["system"] = as_blocks(request["system"]);
  for (json& message : request["messages"])
    message["content"] = as_blocks(message["content"]);
  return request;
}

class Requests {
 public:
  explicit Requests(unsigned seed) : random_(seed) {}

  json next() {
    json request = {{"model", "x"}, {"max_tokens", 1 + below(1000)}};
    List messages;
    for (unsigned turns = 1 + below(4); turns > 0; --turns) {
      const List results = std::exchange(results_, {});
      json content = json(results);
      if (results.empty() || below(2) == 0) {
        content.push_back(text());
        if (below(3) == 0)
          content.push_back(image());
      }
      messages.push_back({{"role", "user"}, {"content", content}});
      if (turns > 1)
        messages.push_back({{"role", "assistant"}, {"content", answer()}});
    }
    request["messages"] = messages;
    results_.clear();
    if (below(2) == 0)
      request["system"] = List{text()};
    if (below(2) == 0)
      request["stop_sequences"] = {"END", "\n\n"};
    if (below(2) == 0)
      request["temperature"] = 0.5;
    if (below(2) == 0)
      request["top_p"] = 0.25;
    request["tools"] =
        List{{{"name", "get_time"},
              {"description", "Tells \"the\" time"},
              {"input_schema", {{"type", "object"}, {"properties", {{"zone", {{"type", "string"}}}}}}}},
             {{"name", "other-1"}, {"input_schema", {{"type", "object"}, {"properties", json::object()}}}}};
    switch (below(5)) {
      case 0:
        request["tool_choice"] = {{"type", "auto"}};
        break;
      case 1:
        request["tool_choice"] = {{"type", "any"}};
        break;
      case 2:
        request["tool_choice"] = {{"type", "tool"}, {"name", "other-1"}};
        break;
      case 3:
        request["tool_choice"] = {{"type", "any"}, {"disable_parallel_tool_use", true}};
        break;
      default:
        break;
    }
    return request;
  }

 private:
  unsigned below(unsigned n) { return random_() % n; }
  json text() {
    static const std::vector<std::string> texts = {"Hello", "é \" \\ \n\t世界 🌍", "{\"a\":1}", " spaced "};
    return {{"type", "text"}, {"text", texts[below(texts.size())]}};
  }
  json image() {
    if (below(2) == 0)
      return {{"type", "image"}, {"source", {{"type", "url"}, {"url", "https://example.com/a.png"}}}};
    return {{"type", "image"}, {"source", {{"type", "base64"}, {"media_type", "image/png"}, {"data", "aGVsbG8="}}}};
  }
  json answer() {
    List blocks;
    if (below(2) == 0)
      blocks.push_back(text());
    for (unsigned calls = blocks.empty() ? 1 + below(3) : below(3); calls > 0; --calls) {
      const std::string id = fmt::format("toolu_{}", ++serial_);
      blocks.push_back({{"type", "tool_use"},
                        {"id", id},
                        {"name", below(2) == 0 ? "get_time" : "other-1"},
                        {"input", {{"zone", "CET"}, {"n", {1, nullptr, 2.5, -3, "\u00e9"}}}}});
      results_.push_back({{"type", "tool_result"}, {"tool_use_id", id}, {"content", List{text()}}});
    }
    return blocks;
  }

  std::mt19937 random_;
  List results_;
  unsigned serial_ = 0;
};

TEST(RoundTrip, WhatBothCanExpressComesBack) {
  Requests requests(11);
  for (int round = 0; round < 2000; ++round) {
    const json request = requests.next();
    const json back = there_and_back(request);
    ASSERT_TRUE(back.is_object()) << back << "\n" << request.dump(1);
    ASSERT_EQ(normal(back), normal(request)) << json::diff(normal(request), normal(back)).dump(1);
  }
}

TEST(RoundTrip, FormatsAndEfforts) {
  const json schema = {{"type", "object"},
                       {"properties", {{"a", {{"type", "number"}}}}},
                       {"required", {"a"}},
                       {"additionalProperties", false}};
  for (const char* effort : {"low", "medium", "high"}) {
    const json request = {
        {"model", "x"},
        {"max_tokens", 100},
        {"thinking", {{"type", "adaptive"}}},
        {"output_config", {{"effort", effort}, {"format", {{"type", "json_schema"}, {"schema", schema}}}}},
        {"messages", List{{{"role", "user"}, {"content", "Hi"}}}}};
    const json back = there_and_back(request);
    ASSERT_TRUE(back.is_object()) << back;
    EXPECT_EQ(back.value("output_config", json()), request["output_config"]) << back;
    // Chat completions show what was thought, or have none of it.
    EXPECT_EQ(back["thinking"].value("type", ""), "adaptive") << back;
  }
}

}  // namespace
}  // namespace tollgate::test
