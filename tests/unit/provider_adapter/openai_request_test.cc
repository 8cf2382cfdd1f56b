// Requests of the Messages API as chat completions, each mapping of services/provider_adapter/openai/README.md.
#include "services/provider_adapter/openai/request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "services/common/base/errors.h"
#include "services/provider_adapter/openai/failures.h"
#include "services/provider_adapter/translation/token_estimate.h"
#include "tests/support/translation/chat_replay.h"

namespace tollgate::test {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

absl::StatusOr<json> translate(const json& request, std::string_view preset = "openai", std::string_view quirks = "",
                               std::string_view model = "m") {
  translation::RequestReader reader;
  const auto read = reader.read(request.dump());
  if (!read.ok())
    return read.status();
  const auto table = openai::QuirkTable::make(preset, quirks);
  if (!table.ok())
    return table.status();
  const auto body = openai::chat_request(*read, {"up", model, table->of(model), test_envelopes()});
  if (!body.ok())
    return body.status();
  return json::parse(*body);
}

json chat(const json& request, std::string_view preset = "openai", std::string_view quirks = "",
          std::string_view model = "m") {
  const auto body = translate(request, preset, quirks, model);
  EXPECT_TRUE(body.ok()) << body.status();
  return body.ok() ? *body : json();
}

v1::Failure refusal(const json& request, std::string_view preset = "openai") {
  const auto body = translate(request, preset);
  EXPECT_FALSE(body.ok());
  return body.ok() ? v1::Failure() : failure_of(body.status());
}

// A list of one thing, as braces do not make it of a json.
using List = std::vector<json>;

json asked(const List& messages, const json& more = json::object()) {
  json request = {{"model", "x"}, {"max_tokens", 100}, {"messages", messages}};
  request.update(more);
  return request;
}

json said(const char* role, const json& content) {
  return {{"role", role}, {"content", content}};
}
json user(const char* content) {
  return said("user", content);
}
json user(const List& content) {
  return said("user", content);
}
json assistant(const char* content) {
  return said("assistant", content);
}
json assistant(const List& content) {
  return said("assistant", content);
}
json text(std::string_view text) {
  return {{"type", "text"}, {"text", text}};
}
json use(std::string_view id, const json& input = json::object(), std::string_view name = "f") {
  return {{"type", "tool_use"}, {"id", id}, {"name", name}, {"input", input}};
}
json result(std::string_view id, const char* content) {
  return {{"type", "tool_result"}, {"tool_use_id", id}, {"content", content}};
}
json result(std::string_view id, const List& content) {
  return {{"type", "tool_result"}, {"tool_use_id", id}, {"content", content}};
}
const json kImage = {{"type", "image"},
                     {"source", {{"type", "base64"}, {"media_type", "image/png"}, {"data", "AAAA"}}}};

TEST(ChatRequest, SaysTheLeast) {
  EXPECT_EQ(
      chat(asked({user("hi")})),
      (json{{"model", "m"}, {"messages", {{{"role", "user"}, {"content", "hi"}}}}, {"max_completion_tokens", 100}}));
}

TEST(ChatRequest, SystemIsTheFirstMessage) {
  const json system = {text("x-anthropic-billing-header: cc_version=2.1.330.a74;"), text("You"), text("are")};
  EXPECT_EQ(chat(asked({user("hi")}, {{"system", system}}))["messages"][0],
            (json{{"role", "developer"}, {"content", "You\n\nare"}}));
  EXPECT_EQ(chat(asked({user("hi")}, {{"system", "You"}}), "deepseek")["messages"][0],
            (json{{"role", "system"}, {"content", "You"}}));
}

// vllm#44000 and #48874, ollama#16372: the system speaks in the middle. TurboAgent#3: never last.
TEST(ChatRequest, MidConversationSystem) {
  const json request =
      asked({user("a"), assistant("b"), {{"role", "system"}, {"content", "MID"}}, user("c"), said("system", "LAST")});
  const json native = chat(request)["messages"];
  EXPECT_EQ(native, json::parse(R"([{"role":"user","content":"a"},{"role":"assistant","content":"b"},
      {"role":"developer","content":"MID"},{"role":"developer","content":"LAST"},{"role":"user","content":"c"}])"));
  const json hoisted = chat(request, "vllm")["messages"];
  EXPECT_EQ(hoisted, json::parse(R"([{"role":"system","content":"MID\n\nLAST"},{"role":"user","content":"a"},
      {"role":"assistant","content":"b"},{"role":"user","content":"c"}])"));
}

TEST(ChatRequest, ImagesAndDocuments) {
  const json pdf = {{"type", "document"},
                    {"title", "a.pdf"},
                    {"source", {{"type", "base64"}, {"media_type", "application/pdf"}, {"data", "UERG"}}}};
  const json plain = {{"type", "document"},
                      {"title", "T"},
                      {"source", {{"type", "text"}, {"media_type", "text/plain"}, {"data", "words"}}}};
  const json url = {{"type", "image"}, {"source", {{"type", "url"}, {"url", "https://x/y.png"}}}};
  EXPECT_EQ(chat(asked({user({text("see"), kImage, url, pdf, plain})}))["messages"][0]["content"],
            json::parse(R"([{"type":"text","text":"see"},
      {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}},
      {"type":"image_url","image_url":{"url":"https://x/y.png"}},
      {"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,UERG"}},
      {"type":"text","text":"# T\n\nwords"}])"));
  EXPECT_EQ(refusal(asked({user({kImage})}), "deepseek").kind(), v1::Failure::KIND_UNSUPPORTED);
  EXPECT_THAT(refusal(asked({user({kImage})}), "deepseek").message(), HasSubstr("messages.0: images"));
  EXPECT_EQ(refusal(asked({user({pdf})}), "groq").kind(), v1::Failure::KIND_UNSUPPORTED);
}

// sglang#29083, ogx#6367, dive#209: results first, whatever the order; cc-haha#1278: no image is dropped silently.
TEST(ChatRequest, ToolResultsFollowTheirCalls) {
  const json request =
      asked({user("go"), assistant({text("ok"), use("a", {{"x", 1}}), use("b")}),
             user({text("before"), result("b", {text("two"), kImage}), text("between"), result("a", "one")})});
  const json messages = chat(request)["messages"];
  EXPECT_EQ(messages[1], json::parse(R"({"role":"assistant","content":"ok","tool_calls":[
      {"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},
      {"id":"b","type":"function","function":{"name":"f","arguments":"{}"}}]})"));
  EXPECT_EQ(messages[2]["role"], "tool");
  EXPECT_EQ(messages[2]["tool_call_id"], "b");
  EXPECT_EQ(messages[2]["content"], "two\n\n[1 image or document of this result follows in the next message]");
  EXPECT_EQ(messages[3], json::parse(R"({"role":"tool","tool_call_id":"a","content":"one"})"));
  EXPECT_EQ(messages[4]["role"], "user");
  EXPECT_EQ(messages[4]["content"].size(), 3u);
  EXPECT_EQ(messages[4]["content"][0]["type"], "image_url");
}

TEST(ChatRequest, ToolResultsOfEveryKind) {
  json failed = result("a", "boom");
  failed["is_error"] = true;
  EXPECT_EQ(chat(asked({user("x"), assistant({use("a")}), user({failed})}))["messages"][2]["content"],
            "[tool error] boom");
  EXPECT_EQ(chat(asked({user("x"), assistant({use("a")}), user({result("a", List())})}))["messages"][2]["content"],
            "(no output)");
  EXPECT_EQ(chat(asked({user("x"), assistant({use("a")}), user({result("a", {kImage})})}),
                 "deepseek")["messages"][2]["content"],
            "[image left out: this model takes none]");
  // Only calls: null, never "".
  EXPECT_TRUE(
      chat(asked({user("x"), assistant({use("a")}), user({result("a", "1")})}))["messages"][1]["content"].is_null());
}

// Mistral: "Unexpected role 'user' after role 'tool'".
TEST(ChatRequest, TheAssistantsWordBetweenResultsAndUser) {
  const json request = asked({user("x"), assistant({use("a")}), user({result("a", "1"), text("and")})});
  EXPECT_EQ(chat(request, "mistral")["messages"][3]["role"], "assistant");
  EXPECT_EQ(chat(request, "mistral")["messages"][4], (json{{"role", "user"}, {"content", "and"}}));
  EXPECT_EQ(chat(request)["messages"][3]["role"], "user");
  EXPECT_EQ(chat(asked({user("x"), assistant({use("a")}), user({result("a", "1")})}), "mistral")["messages"].size(),
            3u);
}

TEST(ChatRequest, ResultsThatAreMissingAreRefusedAsAnthropicDoes) {
  EXPECT_THAT(refusal(asked({user("x"), assistant({use("a")}), user("y")})).message(),
              HasSubstr("messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: a."));
  EXPECT_THAT(refusal(asked({user({result("a", "1")})})).message(),
              HasSubstr("unexpected `tool_use_id` found in `tool_result` blocks: a."));
}

TEST(ChatRequest, ToolsAndTheirChoice) {
  const json tools = {{{"name", "f"}, {"description", "D"}, {"input_schema", {{"type", "object"}}}, {"strict", true}},
                      {{"type", "bash_20250124"}, {"name", "bash"}}};
  const json body = chat(
      asked({user("x")}, {{"tools", tools}, {"tool_choice", {{"type", "any"}, {"disable_parallel_tool_use", true}}}}));
  EXPECT_EQ(body["tools"][0], json::parse(R"({"type":"function","function":{"name":"f","description":"D",
      "parameters":{"type":"object","properties":{}},"strict":true}})"));
  EXPECT_EQ(body["tools"][1]["function"]["name"], "bash");
  EXPECT_EQ(body["tools"][1]["function"]["parameters"]["type"], "object");
  EXPECT_EQ(body["tool_choice"], "required");
  EXPECT_EQ(body["parallel_tool_calls"], false);
  const auto choice = [&](const json& given) {
    return chat(asked({user("x")}, {{"tools", tools}, {"tool_choice", given}}))["tool_choice"];
  };
  EXPECT_EQ(choice({{"type", "auto"}}), "auto");
  EXPECT_EQ(choice({{"type", "none"}}), "none");
  EXPECT_EQ(choice({{"type", "tool"}, {"name", "f"}}), json::parse(R"({"type":"function","function":{"name":"f"}})"));
  // Moonshot answers 400 to it.
  EXPECT_FALSE(chat(asked({user("x")},
                          {{"tools", tools}, {"tool_choice", {{"type", "any"}, {"disable_parallel_tool_use", true}}}}),
                    "moonshot")
                   .contains("parallel_tool_calls"));
  EXPECT_FALSE(chat(asked({user("x")}, {{"tools", json::array()}, {"tool_choice", {{"type", "auto"}}}}))
                   .contains("tool_choice"));
  EXPECT_EQ(
      refusal(asked({user("x")}, {{"tools", {{{"type", "web_search_20250305"}, {"name", "web_search"}}}}})).kind(),
      v1::Failure::KIND_UNSUPPORTED);
}

TEST(ChatRequest, Sampling) {
  const json more = {{"temperature", 0.5},
                     {"top_p", 0.9},
                     {"top_k", 5},
                     {"stop_sequences", {"a", "b", "c", "d", "e"}},
                     {"metadata", {{"user_id", "me"}}},
                     {"stream", true}};
  const json body = chat(asked({user("x")}, more), "openrouter");
  EXPECT_EQ(body["temperature"], 0.5);
  EXPECT_EQ(body["top_p"], 0.9);
  EXPECT_EQ(body["top_k"], 5);
  EXPECT_EQ(body["max_tokens"], 100);
  EXPECT_EQ(body["stop"], json({"a", "b", "c", "d"}));
  EXPECT_EQ(body["user"].get<std::string>().size(), 64u);
  EXPECT_EQ(body["stream_options"], json::parse(R"({"include_usage":true})"));
  const json reasoning = chat(asked({user("x")}, more), "openai", "", "gpt-5.1");
  for (const char* member : {"temperature", "top_p", "top_k", "stop", "user", "max_tokens"})
    EXPECT_FALSE(reasoning.contains(member)) << member;
  EXPECT_TRUE(reasoning.contains("safety_identifier"));
  EXPECT_FALSE(chat(asked({user("x")}, more), "mistral").contains("stream_options"));
}

TEST(ChatRequest, ThinkingInEveryForm) {
  const json enabled = {{"thinking", {{"type", "enabled"}, {"budget_tokens", 10000}}}};
  const json effort = {{"thinking", {{"type", "adaptive"}}}, {"output_config", {{"effort", "xhigh"}}}};
  const json disabled = {{"thinking", {{"type", "disabled"}}}};
  EXPECT_EQ(chat(asked({user("x")}, enabled), "openai", "", "gpt-5.1")["reasoning_effort"], "medium");
  EXPECT_EQ(chat(asked({user("x")}, effort), "openai", "", "gpt-5.1")["reasoning_effort"], "high");
  EXPECT_FALSE(chat(asked({user("x")}, effort), "openai", "", "gpt-4o").contains("reasoning_effort"));
  EXPECT_EQ(chat(asked({user("x")}, enabled), "openrouter")["reasoning"], json::parse(R"({"max_tokens":10000})"));
  EXPECT_EQ(chat(asked({user("x")}, effort), "openrouter")["reasoning"], json::parse(R"({"effort":"high"})"));
  EXPECT_EQ(chat(asked({user("x")}, disabled), "openrouter")["reasoning"], json::parse(R"({"enabled":false})"));
  EXPECT_EQ(chat(asked({user("x")}, enabled), "deepseek")["thinking"], json::parse(R"({"type":"enabled"})"));
  EXPECT_EQ(chat(asked({user("x")}, disabled), "vllm")["chat_template_kwargs"],
            json::parse(R"({"enable_thinking":false})"));
}

TEST(ChatRequest, StructuredOutput) {
  const json schema = {{"type", "object"}, {"properties", {{"a", {{"type", "string"}}}}}};
  const json more = {{"output_config", {{"format", {{"type", "json_schema"}, {"schema", schema}}}}}};
  EXPECT_EQ(
      chat(asked({user("x")}, more))["response_format"],
      (json{{"type", "json_schema"}, {"json_schema", {{"name", "output"}, {"strict", true}, {"schema", schema}}}}));
  const json object = chat(asked({user("x")}, more), "deepseek");
  EXPECT_EQ(object["response_format"], json::parse(R"({"type":"json_object"})"));
  EXPECT_THAT(object["messages"][0]["content"].get<std::string>(), HasSubstr("fits this JSON schema"));
}

json sealed(std::string_view model, std::string_view thinking, std::string_view payload = "") {
  return {{"type", "thinking"},
          {"thinking", thinking},
          {"signature", test_envelopes().seal({"openai", "up", std::string(model), std::string(payload)})}};
}

// DeepSeek: ccr#1378, 9router#355 and #1786, openclaude#878. Others: never a foreign block.
TEST(ChatRequest, ThinkingGoesBackToWhomItCameFrom) {
  const json foreign = {{"type", "thinking"}, {"thinking", "claude's"}, {"signature", "EqSim"}};
  const auto turn = [](const json& thinking) {
    return asked({user("x"), assistant({thinking, text("A")}), user("y")});
  };
  EXPECT_EQ(chat(turn(sealed("m", "mine")), "deepseek")["messages"][1]["reasoning_content"], "mine");
  EXPECT_EQ(chat(turn(sealed("other", "not mine")), "deepseek")["messages"][1]["reasoning_content"], "");
  EXPECT_EQ(chat(turn(foreign), "deepseek")["messages"][1]["reasoning_content"], "");
  EXPECT_EQ(chat(turn(sealed("m", "mine")), "vllm")["messages"][1]["reasoning"], "mine");
  EXPECT_FALSE(chat(turn(foreign), "vllm")["messages"][1].contains("reasoning"));
  EXPECT_FALSE(chat(turn(sealed("m", "mine")))["messages"][1].contains("reasoning_content"));
  // A string has no thinking, and is wanted with it all the same.
  EXPECT_EQ(chat(asked({user("x"), assistant("A"), user("y")}), "deepseek")["messages"][1]["reasoning_content"], "");
  // Nothing but foreign thinking: no message of the assistant's is left.
  EXPECT_EQ(chat(asked({user("x"), assistant({foreign}), user("y")}))["messages"].size(), 2u);
}

TEST(ChatRequest, ReasoningDetailsGoBackAsTheyWere) {
  const std::string signed_text =
      R"([{"type":"reasoning.text","text":"hm","signature":"S","format":"anthropic-claude-v1","index":0}])";
  const std::string unsigned_text =
      R"([{"type":"reasoning.text","text":"hm","format":"anthropic-claude-v1","index":0}])";
  const json encrypted = {
      {"type", "redacted_thinking"},
      {"data",
       test_envelopes().seal({"openai", "up", "m", R"([{"type":"reasoning.encrypted","data":"E","index":1}])"})}};
  const auto details = [](const List& blocks) {
    List content = blocks;
    content.push_back(text("A"));
    return chat(asked({user("x"), assistant(content), user("y")}), "openrouter")["messages"][1].value(
        "reasoning_details", json());
  };
  EXPECT_EQ(
      details({sealed("m", "hm", signed_text), encrypted}),
      json::parse(R"([{"type":"reasoning.text","text":"hm","signature":"S","format":"anthropic-claude-v1","index":0},
                            {"type":"reasoning.encrypted","data":"E","index":1}])"));
  EXPECT_EQ(details({sealed("m", "hm", unsigned_text)}), json::array());
  EXPECT_EQ(details({sealed("other", "hm", signed_text)}), json());
}

TEST(ChatRequest, Prefill) {
  const json request = asked({user("x"), assistant("{")});
  EXPECT_EQ(refusal(request).kind(), v1::Failure::KIND_UNSUPPORTED);
  EXPECT_EQ(chat(request, "mistral")["messages"][1]["prefix"], true);
  EXPECT_EQ(chat(request, "moonshot")["messages"][1]["partial"], true);
  EXPECT_EQ(chat(request, "vllm")["continue_final_message"], true);
  EXPECT_EQ(chat(request, "vllm")["add_generation_prompt"], false);
}

TEST(ChatRequest, IdsAndNamesFitTheUpstream) {
  const std::string long_id(60, 'i');
  const std::string long_name(90, 'n');
  const json request =
      asked({user("x"), assistant({use(long_id, json::object(), long_name)}), user({result(long_id, "1")})},
            {{"tools", {{{"name", long_name}, {"input_schema", {{"type", "object"}}}}}}});
  const json openai = chat(request)["messages"];
  const std::string id = openai[1]["tool_calls"][0]["id"];
  EXPECT_EQ(id.size(), 40u);
  EXPECT_EQ(openai[2]["tool_call_id"], id);
  EXPECT_EQ(openai[1]["tool_calls"][0]["function"]["name"], chat(request)["tools"][0]["function"]["name"]);
  EXPECT_EQ(openai[1]["tool_calls"][0]["function"]["name"].get<std::string>().size(), 64u);
  const json mistral = chat(request, "mistral")["messages"];
  EXPECT_THAT(mistral[1]["tool_calls"][0]["id"].get<std::string>(),
              ::testing::MatchesRegex("[0-9a-zA-Z]{9}|[0-9a-zA-Z]+"));
  EXPECT_EQ(mistral[1]["tool_calls"][0]["id"].get<std::string>().size(), 9u);
}

TEST(ChatRequest, CacheControlWhereItIsTaken) {
  json marked = text("S");
  marked["cache_control"] = {{"type", "ephemeral"}};
  EXPECT_EQ(
      chat(asked({user({marked})}, {{"system", List{marked}}}), "openrouter")["messages"],
      json::parse(R"([{"role":"system","content":[{"type":"text","text":"S","cache_control":{"type":"ephemeral"}}]},
                            {"role":"user","content":[{"type":"text","text":"S","cache_control":{"type":"ephemeral"}}]}])"));
  EXPECT_EQ(chat(asked({user({marked})}))["messages"][0]["content"], "S");
}

TEST(ChatRequest, ErrorsAreTheApisOwn) {
  translation::RequestReader reader;
  const auto refused = [&reader](const std::string& body) { return std::string(reader.read(body).status().message()); };
  EXPECT_THAT(refused("{"), HasSubstr("not valid JSON"));
  EXPECT_THAT(refused("[]"), HasSubstr("should be a JSON object"));
  EXPECT_THAT(refused(R"({"model":"m","messages":[]})"), HasSubstr("max_tokens: Field required"));
  EXPECT_THAT(refused(R"({"model":"m","max_tokens":1})"), HasSubstr("messages: Field required"));
  EXPECT_THAT(refused(R"({"model":"m","max_tokens":1,"messages":[{"role":"x","content":""}]})"),
              HasSubstr("messages.0.role: "));
  EXPECT_THAT(refused(R"({"model":"m","max_tokens":1,"messages":[{"role":"user","content":[{"type":"text"}]}]})"),
              HasSubstr("messages.0.content.0.text: Field required"));
  EXPECT_THAT(refused(R"({"model":"m","max_tokens":1,"messages":[{"role":"system","content":"x"}]})"),
              HasSubstr("use the top-level 'system' parameter"));
}

TEST(Quirks, AreReadStrictly) {
  const auto wrong = [](std::string_view preset, std::string_view quirks) {
    return std::string(openai::QuirkTable::make(preset, quirks).status().message());
  };
  EXPECT_THAT(wrong("nobody", ""), HasSubstr("preset: expected one of"));
  EXPECT_THAT(wrong("", R"({"x":1})"), HasSubstr("quirks.x: is no quirk"));
  EXPECT_THAT(wrong("", R"({"images":1})"), HasSubstr("quirks.images: expected true or false, found 1"));
  EXPECT_THAT(wrong("", R"({"tool_id":"x"})"),
              HasSubstr("quirks.tool_id: expected one of any, alnum9, max40, found \"x\""));
  EXPECT_THAT(wrong("", R"({"models":{"a*":{"stop_max":-1}}})"),
              HasSubstr("quirks.models.a*.stop_max: expected a whole number"));
  const auto table = openai::QuirkTable::make("openai", R"({"images":false,"models":{"gpt-5-mini":{"images":true}}})");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_FALSE(table->of("gpt-4o").images);
  EXPECT_FALSE(table->of("gpt-5.1").images);
  EXPECT_TRUE(table->of("gpt-5-mini").images);
  EXPECT_EQ(openai::QuirkTable::make("azure", "")->of("m").max_tokens_field,
            openai::Quirks::MaxTokensField::kMaxCompletionTokens);
}

// litellm#13252, CLIProxyAPI#679: system and tools count.
TEST(TokenEstimate, CountsAllOfThePrompt) {
  translation::RequestReader reader;
  const auto count = [&reader](const json& request) {
    return translation::estimate_prompt(*reader.read(request.dump(), false));
  };
  const std::string page(4000, 'x');
  const std::int64_t small = count(asked({user("x")}));
  EXPECT_NEAR(static_cast<double>(count(asked({user(page.c_str())})) - small), 1000, 10);
  EXPECT_NEAR(static_cast<double>(count(asked({user("x")}, {{"system", page}})) - small), 1000, 10);
  EXPECT_GT(count(asked({user("x")},
                        {{"tools", {{{"name", "f"}, {"description", page}, {"input_schema", {{"type", "object"}}}}}}})),
            small + 1000);
  EXPECT_GT(count(asked({user({kImage})})), 1000);
  EXPECT_GT(count(asked({user("x"), assistant({use("a", {{"x", page}})}), user({result("a", page.c_str())})})), 2000);
}

v1::Failure failure(unsigned status, const std::string& body) {
  return openai::failure_of_response("up", status, {}, body, true, {});
}

TEST(ChatFailures, BecomeTheApisOwn) {
  struct Case {
    unsigned status;
    const char* body;
    FailureKind kind;
    unsigned expected;
    const char* type;
  };
  using F = v1::Failure;
  const Case cases[] = {
      {400, R"({"error":{"message":"bad","type":"invalid_request_error"}})", F::KIND_INVALID_REQUEST, 400,
       "invalid_request_error"},
      {422, R"({"detail":[{"msg":"bad"}]})", F::KIND_INVALID_REQUEST, 400, "invalid_request_error"},
      {400, R"({"object":"error","message":"bad"})", F::KIND_INVALID_REQUEST, 400, "invalid_request_error"},
      {404, R"({"error":"model 'x' not found"})", F::KIND_NOT_FOUND, 404, "not_found_error"},
      {429, R"({"error":{"message":"slow","code":"rate_limit_exceeded"}})", F::KIND_RATE_LIMITED, 429,
       "rate_limit_error"},
      {500, R"({"error":{"message":"oops"}})", F::KIND_UNAVAILABLE, 500, "api_error"},
      {503, R"({"error":{"message":"busy"}})", F::KIND_OVERLOADED, 529, "overloaded_error"},
      {503, "<html>", F::KIND_OVERLOADED, 529, "overloaded_error"},
      {498, R"({"error":{"message":"capacity"}})", F::KIND_OVERLOADED, 529, "overloaded_error"},
  };
  for (const Case& one : cases) {
    const v1::Failure got = failure(one.status, one.body);
    EXPECT_EQ(got.kind(), one.kind) << one.body;
    EXPECT_EQ(got.http_status(), one.expected) << one.body;
    EXPECT_EQ(got.error_type(), one.type) << one.body;
  }
}

// No text about the operator's account reaches a client.
TEST(ChatFailures, AccountsAreNobodysBusiness) {
  for (const auto& [status, body] :
       {std::pair(401, R"({"error":{"message":"Incorrect API key provided: sk-abc","code":"invalid_api_key"}})"),
        std::pair(429, R"({"error":{"message":"You exceeded your quota sk-abc","code":"insufficient_quota"}})"),
        std::pair(402, R"({"error":{"message":"Insufficient credits sk-abc"}})")}) {
    const v1::Failure got = failure(static_cast<unsigned>(status), body);
    EXPECT_EQ(got.kind(), v1::Failure::KIND_UPSTREAM_AUTH) << body;
    EXPECT_THAT(got.message() + got.body(), ::testing::Not(HasSubstr("sk-abc"))) << body;
  }
}

// Claude Code compacts when it reads these words.
TEST(ChatFailures, APromptThatIsTooLong) {
  EXPECT_EQ(openai::context_message("context_length_exceeded",
                                    "This model's maximum context length is 128000 tokens. However, your messages "
                                    "resulted in 130005 tokens. Please reduce the length of the messages."),
            "prompt is too long: 130005 tokens > 128000 maximum");
  EXPECT_EQ(
      openai::context_message("",
                              "This model's maximum context length is 8192 tokens. However, you requested 9000 "
                              "tokens (5000 in the messages, 4000 in the completion). Please reduce."),
      "input length and `max_tokens` exceed context limit: 5000 + 4000 > 8192, decrease input length or `max_tokens` "
      "and try again");
  EXPECT_EQ(openai::context_message("exceed_context_size_error",
                                    "request (5,001 tokens) exceeds the available context size (4096 tokens)"),
            "prompt is too long: 5001 tokens > 4096 maximum");
  EXPECT_EQ(openai::context_message("", "something else"), "");
  const v1::Failure got = failure(
      400,
      R"({"error":{"message":"maximum context length is 100 tokens, you sent 200","code":"context_length_exceeded"}})");
  EXPECT_EQ(got.kind(), v1::Failure::KIND_CONTEXT_LENGTH);
  EXPECT_EQ(got.http_status(), 400u);
  EXPECT_EQ(got.message(), "prompt is too long: 200 tokens > 100 maximum");
}

}  // namespace
}  // namespace tollgate::test
