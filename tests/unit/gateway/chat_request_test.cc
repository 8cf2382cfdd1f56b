#include "gateway/openai/chat_request.h"

#include <gmock/gmock.h>

#include "gateway/openai/turns.h"
#include "tests/unit/gateway/chat_testing.h"

namespace tollgate::chat {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct Row {
  // Of the chat request.
  std::string name;
  std::string value;
  // Members of the Messages request; null: absent.
  std::string expected;
};

void check(const std::vector<Row>& rows, const ModelTraits& traits = budget_traits()) {
  for (const Row& row : rows) {
    const Json body = with_member(row.name, row.value, traits);
    ASSERT_TRUE(body.is_object()) << row.name << " " << row.value << ": " << body;
    const Json expected = Json::parse(row.expected);
    for (const auto& [name, value] : expected.items())
      EXPECT_EQ(body.value(name, Json()), value) << row.name << " " << row.value;
  }
}

TEST(ChatRequest, TheLeast) {
  EXPECT_EQ(with_messages(R"([{"role":"user","content":"Hi"}])").dump(),
            R"({"model":"m","max_tokens":32000,"stream":false,)"
            R"("messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}]})");
}

TEST(ChatRequest, MembersBecomeThoseOfMessages) {
  check({
      {"max_tokens", "7", R"({"max_tokens":7})"},
      {"max_completion_tokens", "7", R"({"max_tokens":7})"},
      {"max_tokens", "null", R"({"max_tokens":32000})"},
      {"stop", R"("a")", R"({"stop_sequences":["a"]})"},
      {"stop", R"(["a","\n"])", R"({"stop_sequences":["a","\n"]})"},
      {"stop", "null", R"({"stop_sequences":null})"},
      {"temperature", "0.7", R"({"temperature":0.7})"},
      {"top_p", "0.9", R"({"top_p":0.9})"},
      {"top_p", "1", R"({"top_p":null})"},
      {"top_p", "1.0", R"({"top_p":null})"},
      {"top_k", "5", R"({"top_k":5})"},
      {"user", R"("u")", R"({"metadata":{"user_id":"u"}})"},
      {"safety_identifier", R"("u")", R"({"metadata":{"user_id":"u"}})"},
      {"service_tier", R"("default")", R"({"service_tier":"standard_only"})"},
      {"service_tier", R"("auto")", R"({"service_tier":null})"},
      {"stream", "true", R"({"stream":true})"},
      {"provider", R"({"order":["a"]})", R"({"provider":{"order":["a"]}})"},
      {"models", R"(["a","b"])", R"({"models":["a","b"]})"},
      {"session_id", R"("s")", R"({"session_id":"s"})"},
      {"prompt_cache_key", R"("s")", R"({"session_id":"s"})"},
      {"cache_control", R"({"type":"ephemeral"})", R"({"cache_control":{"type":"ephemeral"}})"},
      {"response_format", R"({"type":"text"})", R"({"output_config":null,"system":null})"},
      {"response_format", R"({"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}})",
       R"({"output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}}})"},
  });
}

TEST(ChatRequest, HintsAreLeftOut) {
  const Json least = with_messages(R"([{"role":"user","content":"Hi"}])");
  const std::vector<std::pair<std::string, std::string>> hints = {{"seed", "1"},
                                                                  {"metadata", R"({"a":"b"})"},
                                                                  {"n", "1"},
                                                                  {"logprobs", "false"},
                                                                  {"frequency_penalty", "0"},
                                                                  {"presence_penalty", "0.0"},
                                                                  {"logit_bias", "{}"},
                                                                  {"store", "false"},
                                                                  {"modalities", R"(["text"])"},
                                                                  {"verbosity", R"("low")"},
                                                                  {"usage", R"({"include":true})"},
                                                                  {"audio", "null"},
                                                                  {"parallel_tool_calls", "false"},
                                                                  {"tool_choice", R"("auto")"},
                                                                  {"tools", "[]"}};
  for (const auto& [name, value] : hints)
    EXPECT_EQ(with_member(name, value), least) << name;
}

TEST(ChatRequest, JsonObjectIsAnInstruction) {
  const Json body = with_member("response_format", R"({"type":"json_object"})");
  EXPECT_THAT(body["system"][0]["text"].get<std::string>(), HasSubstr("one JSON object"));
  EXPECT_FALSE(body.contains("output_config"));
}

TEST(ChatRequest, WhatCannotBeHadIsNamed) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"n", "2"},
      {"n", "0"},
      {"logprobs", "true"},
      {"top_logprobs", "3"},
      {"modalities", R"(["text","audio"])"},
      {"audio", R"({"voice":"alloy"})"},
      {"frequency_penalty", "0.5"},
      {"presence_penalty", "-1"},
      {"logit_bias", R"({"50256":-100})"},
      {"store", "true"},
      {"service_tier", R"("flex")"},
      {"web_search_options", "{}"},
      {"functions", "[]"},
      {"function_call", R"("auto")"},
      {"best_of", "3"},
      {"max_tokens", "0"},
      {"max_completion_tokens", "1.5"},
      {"max_tokens", R"("many")"},
      {"stop", "[1]"},
      {"stop", "{}"},
      {"stream", "1"},
      {"stream_options", "true"},
      {"tools", "{}"},
      {"tool_choice", R"("some")"},
      {"tool_choice", R"("required")"},
      {"parallel_tool_calls", R"("no")"},
      {"response_format", R"("json")"},
      {"reasoning_effort", R"("huge")"},
      {"reasoning", "true"},
      {"include_reasoning", "1"},
  };
  for (const auto& [name, value] : rows) {
    const Json error = with_member(name, value);
    ASSERT_TRUE(error.is_string()) << name << " " << value << ": " << error;
    EXPECT_THAT(error.get<std::string>(), StartsWith(name + ": "));
  }
  EXPECT_THAT(with_member("stream_options", R"({"include_usage":1})").get<std::string>(),
              StartsWith("stream_options.include_usage: "));
  EXPECT_THAT(with_member("reasoning", R"({"effort":"huge"})").get<std::string>(), StartsWith("reasoning.effort: "));
  EXPECT_THAT(with_member("reasoning", R"({"max_tokens":0})").get<std::string>(), StartsWith("reasoning.max_tokens: "));
  EXPECT_THAT(with_member("response_format", R"({"type":"grammar"})").get<std::string>(),
              StartsWith("response_format.type: "));
  EXPECT_THAT(with_member("response_format", R"({"type":"json_schema","json_schema":{}})").get<std::string>(),
              StartsWith("response_format.json_schema: "));
}

TEST(ChatRequest, WhatIsNoRequestIsRefused) {
  for (const char* body : {"", "[]", "{", "1", R"({"model":"m"})", R"({"messages":[{"role":"user","content":"a"}]})",
                           R"({"model":"m","messages":[]})", R"({"model":"","messages":[{}]})",
                           R"({"model":"m","model":"n","messages":[{"role":"user","content":"a"}]})",
                           "{\"model\":\"\xff\",\"messages\":[]}"}) {
    EXPECT_FALSE(ChatRequest::read(body).ok()) << body;
  }
  EXPECT_THAT(std::string(ChatRequest::read(R"({"model":"a","model":"b"})").status().message()),
              StartsWith("model: this member stands twice"));
}

TEST(ChatRequest, Tools) {
  const std::string tools =
      R"([{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object","x":1.50},)"
      R"("strict":true},"cache_control":{"type":"ephemeral"}},{"type":"function","function":{"name":"g"}}])";
  Json chat = Json::parse(R"({"model":"m","messages":[{"role":"user","content":"Hi"}]})");
  chat["tools"] = Json::parse(tools);
  EXPECT_EQ(to_messages(chat)["tools"],
            Json::parse(R"([{"name":"f","description":"d","input_schema":{"type":"object","x":1.5},"strict":true,)"
                        R"("cache_control":{"type":"ephemeral"}},)"
                        R"({"name":"g","input_schema":{"type":"object","properties":{}}}])"));
  EXPECT_FALSE(to_messages(chat).contains("tool_choice"));
  chat["tools"][1] = Json::parse(R"({"type":"function","function":{"name":"g","parameters":{"required":["a"]}}})");
  EXPECT_EQ(to_messages(chat)["tools"][1]["input_schema"].dump(), R"({"type":"object","required":["a"]})");

  struct Choice {
    const char* choice;
    bool parallel;
    const char* expected;
  };
  for (const Choice& row :
       std::vector<Choice>{{R"("auto")", true, R"({"type":"auto"})"},
                           {R"("none")", true, R"({"type":"none"})"},
                           {R"("none")", false, R"({"type":"none"})"},
                           {R"("required")", true, R"({"type":"any"})"},
                           {R"("required")", false, R"({"type":"any","disable_parallel_tool_use":true})"},
                           {R"({"type":"function","function":{"name":"f"}})", true, R"({"type":"tool","name":"f"})"},
                           {"null", false, R"({"type":"auto","disable_parallel_tool_use":true})"}}) {
    chat["tool_choice"] = Json::parse(row.choice);
    chat["parallel_tool_calls"] = row.parallel;
    EXPECT_EQ(to_messages(chat)["tool_choice"], Json::parse(row.expected)) << row.choice;
  }
  chat["tools"][1] = Json::parse(R"({"type":"custom","custom":{"name":"c"}})");
  EXPECT_THAT(to_messages(chat).get<std::string>(), StartsWith("tools[1].type: "));
  chat["tools"][1] = Json::parse(R"({"type":"function","function":{}})");
  EXPECT_THAT(to_messages(chat).get<std::string>(), StartsWith("tools[1].function.name: "));
}

TEST(ChatRequest, ReasoningByBudget) {
  check({
      {"reasoning_effort", R"("low")", R"({"thinking":{"type":"enabled","budget_tokens":6400},"output_config":null})"},
      {"reasoning_effort", R"("none")", R"({"thinking":{"type":"disabled"}})"},
      {"reasoning", R"({"max_tokens":2000})", R"({"thinking":{"type":"enabled","budget_tokens":2000}})"},
      {"reasoning", R"({"max_tokens":10})", R"({"thinking":{"type":"enabled","budget_tokens":1024}})"},
      {"reasoning", R"({"max_tokens":32000})", R"({"thinking":null})"},
      {"reasoning", R"({"enabled":true})", R"({"thinking":{"type":"enabled","budget_tokens":16000}})"},
      {"reasoning", R"({"enabled":false})", R"({"thinking":{"type":"disabled"}})"},
      {"reasoning", R"({"exclude":true})", R"({"thinking":null})"},
      {"thinking", R"({"type":"adaptive"})", R"({"thinking":{"type":"adaptive"}})"},
  });
}

TEST(ChatRequest, ReasoningByEffort) {
  const std::string shown = R"("thinking":{"type":"adaptive","display":"summarized"})";
  check(
      {
          {"reasoning_effort", R"("minimal")", "{" + shown + R"(,"output_config":{"effort":"low"}})"},
          {"reasoning_effort", R"("xhigh")", "{" + shown + R"(,"output_config":{"effort":"xhigh"}})"},
          {"reasoning", R"({"max_tokens":2000})", "{" + shown + R"(,"output_config":{"effort":"low"}})"},
          {"reasoning", R"({"max_tokens":20000})", "{" + shown + R"(,"output_config":{"effort":"high"}})"},
          {"reasoning", R"({"effort":"high","exclude":true})",
           R"({"thinking":{"type":"adaptive","display":"omitted"},"output_config":{"effort":"high"}})"},
      },
      effort_traits());
}

// The API refuses to think where it is told to call a tool.
TEST(ChatRequest, NoThinkingWithAForcedTool) {
  Json chat = Json::parse(
      R"({"model":"m","messages":[{"role":"user","content":"Hi"}],"reasoning_effort":"high","tool_choice":"required",)"
      R"("tools":[{"type":"function","function":{"name":"f"}}]})");
  EXPECT_FALSE(to_messages(chat).contains("thinking"));
  chat["tool_choice"] = "auto";
  EXPECT_TRUE(to_messages(chat).contains("thinking"));
}

TEST(ChatRequest, TraitsOfAModel) {
  v1::Model model;
  model.set_id("anthropic/claude-sonnet-4.5");
  model.add_endpoints()->set_max_output_tokens(64000);
  EXPECT_EQ(traits_of(model).default_max_tokens, 32000);
  model.add_endpoints()->set_max_output_tokens(8192);
  EXPECT_EQ(traits_of(model).default_max_tokens, 8192);
  EXPECT_TRUE(traits_of(model).thinks_by_budget);
  EXPECT_FALSE(traits_of(model).later_system);
  for (v1::Endpoint& endpoint : *model.mutable_endpoints())
    endpoint.mutable_features()->set_mid_conversation_system(true);
  EXPECT_TRUE(traits_of(model).later_system);
  for (const char* id : {"anthropic/claude-3.5-haiku", "anthropic/claude-opus-4"}) {
    model.set_id(id);
    EXPECT_TRUE(traits_of(model).thinks_by_budget) << id;
  }
  for (const char* id : {"anthropic/claude-opus-4.6", "anthropic/claude-sonnet-5.5", "openai/gpt-5"}) {
    model.set_id(id);
    EXPECT_FALSE(traits_of(model).thinks_by_budget) << id;
  }
}

TEST(ChatRequest, TheModelMattersToFewRequests) {
  const auto depends = [](const std::string& more, const std::string& messages = R"([{"role":"user","content":"a"}])") {
    return ChatRequest::read("{\"model\":\"m\",\"messages\":" + messages + more + "}")->depends_on_model();
  };
  EXPECT_TRUE(depends(""));
  EXPECT_FALSE(depends(R"(,"max_tokens":1)"));
  EXPECT_TRUE(depends(R"(,"max_tokens":1,"reasoning_effort":"low")"));
  EXPECT_TRUE(depends(R"(,"max_tokens":1)", R"([{"role":"user","content":"a"},{"role":"system","content":"b"}])"));
  EXPECT_FALSE(depends(R"(,"max_tokens":1)", R"([{"role":"system","content":"b"},{"role":"user","content":"a"}])"));
}

TEST(ChatRequest, Options) {
  const auto options = [](const std::string& more) {
    return ChatRequest::read(R"({"model":"m","messages":[{"role":"user","content":"a"}])" + more + "}")->options();
  };
  EXPECT_FALSE(options("").stream);
  EXPECT_TRUE(options(R"(,"stream":true)").stream);
  EXPECT_TRUE(options(R"(,"stream_options":{"include_usage":true,"include_obfuscation":false})").include_usage);
  EXPECT_TRUE(options(R"(,"reasoning":{"exclude":true})").exclude_reasoning);
  EXPECT_TRUE(options(R"(,"include_reasoning":false)").exclude_reasoning);
  EXPECT_FALSE(options(R"(,"reasoning":{"effort":"low"})").exclude_reasoning);
}

}  // namespace
}  // namespace tollgate::chat
