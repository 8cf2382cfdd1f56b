#include "services/provider_adapter/gemini/request.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "services/common/base/errors.h"
#include "services/provider_adapter/gemini/model.h"
#include "services/provider_adapter/gemini/names.h"
#include "services/provider_adapter/gemini/thought.h"

namespace tollgate::gemini {
namespace {

using json = nlohmann::json;

const translation::Envelopes kEnvelopes("key");

struct To {
  std::string model = "gemini-3.1-pro-preview";
  bool vertex = false;
  bool without_signatures = false;
};

Destination destination(const To& to) {
  return {"google", to.model, to.vertex, to.without_signatures};
}

absl::StatusOr<std::string> written(const json& request, const To& to = {}) {
  translation::RequestReader reader;
  json whole = {{"model", "m"}, {"max_tokens", 100}};
  whole.update(request);
  const std::string text = whole.dump();
  const auto read = reader.read(text);
  if (!read.ok())
    return read.status();
  return generate_body(*read, destination(to), kEnvelopes);
}

json body(const json& request, const To& to = {}) {
  const auto text = written(request, to);
  EXPECT_TRUE(text.ok()) << text.status();
  const json parsed = json::parse(text.ok() ? *text : "null", nullptr, false);
  EXPECT_FALSE(parsed.is_discarded()) << *text;
  return parsed;
}

// Braces around one value of JSON are that value; around these they are a list of one.
using List = std::initializer_list<json>;

json array_of(List items) {
  json array = json::array();
  for (const json& item : items)
    array.push_back(item);
  return array;
}

json contents(List messages, const To& to = {}) {
  return body({{"messages", array_of(messages)}}, to)["contents"];
}

v1::Failure failure(const json& request) {
  const auto text = written(request);
  return text.ok() ? v1::Failure() : failure_of(text.status());
}

json user(const char* content) {
  return {{"role", "user"}, {"content", content}};
}
json user(List blocks) {
  return {{"role", "user"}, {"content", array_of(blocks)}};
}
json assistant(const char* content) {
  return {{"role", "assistant"}, {"content", content}};
}
json assistant(List blocks) {
  return {{"role", "assistant"}, {"content", array_of(blocks)}};
}
json text(const char* text) {
  return {{"type", "text"}, {"text", text}};
}
json use(const char* id, const char* name = "Write") {
  return {{"type", "tool_use"}, {"id", id}, {"name", name}, {"input", {{"a", 1}}}};
}
json result(const char* id, const json& content = "ok") {
  return {{"type", "tool_result"}, {"tool_use_id", id}, {"content", content}};
}
json image(const char* type = "image/png") {
  return {{"type", "image"}, {"source", {{"type", "base64"}, {"media_type", type}, {"data", "AAAA"}}}};
}

std::string sealed(const Thought& thought, const std::string& upstream = "google",
                   const std::string& model = "gemini-3.1-pro-preview") {
  return kEnvelopes.seal({std::string(kDialect), upstream, model, to_payload(thought)});
}
json thinking(const std::string& signature, const char* text = "hm") {
  return {{"type", "thinking"}, {"thinking", text}, {"signature", signature}};
}
Thought of_call(const char* signature) {
  Thought thought;
  thought.call = signature;
  return thought;
}

TEST(GeminiRequest, SaysTheWholeOfIt) {
  const json request = {
      {"system", json::array({text("x-anthropic-billing-header: cch=1"), text("be kind"), text("")})},
      {"messages", json::array({user("hi")})},
      {"max_tokens", 10},
      {"temperature", 0.5},
      {"top_p", 0.9},
      {"top_k", 40},
      {"stop_sequences", {"END"}},
      {"metadata", {{"user_id", "u"}}},
      {"stream", true},
  };
  EXPECT_EQ(body(request), json::parse(R"({
    "systemInstruction": {"parts": [{"text": "be kind"}]},
    "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
    "generationConfig": {"maxOutputTokens": 10, "temperature": 0.5, "topP": 0.9, "topK": 40, "stopSequences": ["END"]}
  })"));
}

TEST(GeminiRequest, CountsZeroTokensAsOne) {
  EXPECT_EQ(body({{"messages", {user("hi")}}, {"max_tokens", 0}})["generationConfig"]["maxOutputTokens"], 1);
}

TEST(GeminiRequest, DeclaresTools) {
  const json tools =
      json::array({{{"name", "Read"},
                    {"description", "reads"},
                    {"input_schema", {{"type", "object"}, {"properties", {{"p", {{"type", "string"}}}}}}}},
                   {{"name", "Now"}, {"input_schema", {{"type", "object"}, {"properties", json::object()}}}}});
  const json made = body({{"messages", {user("hi")}}, {"tools", tools}});
  EXPECT_EQ(made["tools"], json::parse(R"([{"functionDeclarations": [
    {"name": "Read", "description": "reads", "parameters": {"type": "OBJECT", "properties": {"p": {"type": "STRING"}}}},
    {"name": "Now"}]}])"));
  EXPECT_FALSE(made.contains("toolConfig"));
}

TEST(GeminiRequest, SaysWhichToolToCall) {
  const auto config = [](const json& choice, bool strict = false) {
    json tool = {{"name", "Read"}, {"input_schema", {{"type", "object"}}}};
    if (strict)
      tool["strict"] = true;
    const json made = body({{"messages", {user("hi")}}, {"tools", json::array({tool})}, {"tool_choice", choice}});
    return made.contains("toolConfig") ? made["toolConfig"]["functionCallingConfig"] : json();
  };
  EXPECT_EQ(config({{"type", "auto"}}), json());
  EXPECT_EQ(config({{"type", "auto"}}, true), json({{"mode", "VALIDATED"}}));
  EXPECT_EQ(config({{"type", "any"}}), json({{"mode", "ANY"}}));
  EXPECT_EQ(config({{"type", "none"}}), json({{"mode", "NONE"}}));
  EXPECT_EQ(config({{"type", "tool"}, {"name", "Read"}}), json({{"mode", "ANY"}, {"allowedFunctionNames", {"Read"}}}));
}

TEST(GeminiRequest, RefusesForAnotherUpstreamWhatNoGeminiTakes) {
  const json messages = {user("hi")};
  const json search = {{"type", "web_search_20250305"}, {"name", "web_search"}};
  EXPECT_EQ(failure({{"messages", messages}, {"tools", {search}}}).kind(), v1::Failure::KIND_UNSUPPORTED);
  const json file = {{"type", "image"}, {"source", {{"type", "file"}, {"file_id", "file_1"}}}};
  EXPECT_EQ(failure({{"messages", {user({file})}}}).kind(), v1::Failure::KIND_UNSUPPORTED);
  const json upload = {{"type", "container_upload"}, {"file_id", "file_1"}};
  EXPECT_EQ(failure({{"messages", {user({upload})}}}).kind(), v1::Failure::KIND_UNSUPPORTED);
  EXPECT_EQ(failure({{"messages", messages}, {"stop_sequences", {"1", "2", "3", "4", "5", "6"}}}).kind(),
            v1::Failure::KIND_UNSUPPORTED);
}

// Google wants the results of a turn's calls right behind it, all in one content.
TEST(GeminiRequest, PutsResultsFirstWhateverTheirPlace) {
  const json made = contents(
      {user("go"), assistant({use("a"), use("b")}), user({text("and now?"), result("b", "two"), result("a", "one")})});
  ASSERT_EQ(made.size(), 3u);
  EXPECT_EQ(made[2], json::parse(R"({"role": "user", "parts": [
    {"functionResponse": {"name": "Write", "response": {"output": "two"}}},
    {"functionResponse": {"name": "Write", "response": {"output": "one"}}},
    {"text": "and now?"}]})"));
}

TEST(GeminiRequest, MergesTurnsOfOneRole) {
  const json made = contents({user("a"),
                              {{"role", "system"}, {"content", "note"}},
                              user("b"),
                              assistant("c"),
                              assistant({text("d")}),
                              user("e")});
  EXPECT_EQ(made, json::parse(R"([
    {"role": "user", "parts": [{"text": "a"}, {"text": "<system-reminder>\nnote\n</system-reminder>"}, {"text": "b"}]},
    {"role": "model", "parts": [{"text": "c"}, {"text": "d"}]},
    {"role": "user", "parts": [{"text": "e"}]}])"));
}

TEST(GeminiRequest, MergesAroundATurnOfNothing) {
  const json made = contents({user("a"), assistant({thinking("EqSim-of-claude")}), user("b")});
  EXPECT_EQ(made, json::parse(R"([{"role": "user", "parts": [{"text": "a"}, {"text": "b"}]}])"));
}

TEST(GeminiRequest, RefusesAConversationOfNothing) {
  EXPECT_EQ(failure({{"messages", {user("")}}}).kind(), v1::Failure::KIND_INVALID_REQUEST);
}

TEST(GeminiRequest, SaysThatAToolFailed) {
  json failed = result("a", json::array({text("no"), text("such file")}));
  failed["is_error"] = true;
  const json made = contents({user("go"), assistant({use("a")}), user({failed})});
  EXPECT_EQ(made[2]["parts"][0]["functionResponse"]["response"], json({{"error", "no\nsuch file"}}));
}

TEST(GeminiRequest, PutsImagesOfResultsWhereTheModelTakesThem) {
  const List messages = {user("go"), assistant({use("a")}),
                         user({result("a", json::array({text("seen"), image(), image("image/gif")}))})};
  const json inline_png = {{"inlineData", {{"mimeType", "image/png"}, {"data", "AAAA"}}}};
  const json inline_gif = {{"inlineData", {{"mimeType", "image/gif"}, {"data", "AAAA"}}}};
  const json label = {{"text", "From the result of the tool Write:"}};
  json parts = contents(messages)[2]["parts"];
  EXPECT_EQ(parts[0]["functionResponse"]["parts"], json::array({inline_png}));
  EXPECT_EQ(parts[1], label);
  EXPECT_EQ(parts[2], inline_gif);
  parts = contents(messages, {"gemini-2.5-flash"})[2]["parts"];
  EXPECT_FALSE(parts[0]["functionResponse"].contains("parts"));
  EXPECT_EQ(parts, json::array({parts[0], label, inline_png, label, inline_gif}));
}

TEST(GeminiRequest, CarriesMediaAndDocuments) {
  const json url = {{"type", "image"}, {"source", {{"type", "url"}, {"url", "https://x/y.webp?z=.png"}}}};
  const json pdf = {{"type", "document"},
                    {"title", "T"},
                    {"source", {{"type", "base64"}, {"media_type", "application/pdf"}, {"data", "BBBB"}}}};
  const json plain = {{"type", "document"},
                      {"title", "Notes"},
                      {"context", "of today"},
                      {"source", {{"type", "text"}, {"media_type", "text/plain"}, {"data", "the text"}}}};
  const json found = {{"type", "search_result"}, {"title", "R"}, {"source", "https://r"}, {"content", {text("body")}}};
  EXPECT_EQ(contents({user({image(), url, pdf, plain, found})})[0]["parts"], json::parse(R"([
    {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
    {"fileData": {"mimeType": "image/webp", "fileUri": "https://x/y.webp?z=.png"}},
    {"text": "T"},
    {"inlineData": {"mimeType": "application/pdf", "data": "BBBB"}},
    {"text": "Notes\nof today\nthe text"},
    {"text": "R\nhttps://r\nbody"}])"));
}

TEST(GeminiRequest, ReturnsIdsOfCallsToWhereTheyCameFrom) {
  const List messages = {user("go"), assistant({use("toolu_g_ab12"), use("toolu_01Claude")}),
                         user({result("toolu_g_ab12"), result("toolu_01Claude")})};
  json made = contents(messages);
  EXPECT_EQ(made[1]["parts"][0]["functionCall"]["id"], "ab12");
  EXPECT_EQ(made[2]["parts"][0]["functionResponse"]["id"], "ab12");
  EXPECT_FALSE(made[1]["parts"][1]["functionCall"].contains("id"));
  EXPECT_FALSE(made[2]["parts"][1]["functionResponse"].contains("id"));
  made = contents(messages, {"gemini-3.1-pro-preview", true});
  EXPECT_FALSE(made[1]["parts"][0]["functionCall"].contains("id"));
}

// Function call is missing a thought_signature in functionCall parts: Gitlawb/openclaude 583, known failure 26.
TEST(GeminiRequest, ReturnsSignaturesToTheirCalls) {
  const json made = contents({user("go"), assistant({thinking(sealed(of_call("U0lH"))), use("a"), use("b")}),
                              user({result("a"), result("b")})});
  EXPECT_EQ(made[1]["parts"], json::parse(R"([
    {"functionCall": {"name": "Write", "args": {"a": 1}}, "thoughtSignature": "U0lH"},
    {"functionCall": {"name": "Write", "args": {"a": 1}}}])"));
}

TEST(GeminiRequest, ReturnsSignaturesOfRedactedThinking) {
  const json redacted = {{"type", "redacted_thinking"}, {"data", sealed(of_call("U0lH"))}};
  const json made = contents({user("go"), assistant({redacted, use("a")}), user({result("a")})});
  EXPECT_EQ(made[1]["parts"][0]["thoughtSignature"], "U0lH");
}

TEST(GeminiRequest, ReturnsSignaturesOfTextAndThought) {
  Thought thought;
  thought.own = "T1dO";
  thought.text = "VEVYVA==";
  const json made = contents({user("go"), assistant({thinking(sealed(thought), "hm"), text("so")}), user("on")});
  EXPECT_EQ(made[1]["parts"], json::parse(R"([
    {"text": "hm", "thought": true, "thoughtSignature": "T1dO"},
    {"text": "so", "thoughtSignature": "VEVYVA=="}])"));
}

// After a failover, or /model: the thinking of others is dropped, and each step's first call says so.
TEST(GeminiRequest, NeverSendsTheThinkingOfOthers) {
  for (const std::string& foreign :
       {std::string("EqQBCgIYAhIM"), sealed(of_call("U0lH"), "vertex"),
        sealed(of_call("U0lH"), "google", "gemini-4-argon"),
        translation::Envelopes("other").seal({"gemini", "google", "gemini-3.1-pro-preview", "cU0lH"}),
        kEnvelopes.seal({"openai", "google", "gemini-3.1-pro-preview", "cU0lH"}), std::string("tg1.x.y")}) {
    const json made = contents({user("go"), assistant({thinking(foreign, "private"), use("a"), use("b")}),
                                user({result("a"), result("b")}), assistant({use("c")}), user({result("c")})});
    EXPECT_EQ(made.dump().find("private"), std::string::npos);
    EXPECT_EQ(made[1]["parts"][0]["thoughtSignature"], std::string(kNoSignature));
    EXPECT_FALSE(made[1]["parts"][1].contains("thoughtSignature"));
    EXPECT_EQ(made[3]["parts"][0]["thoughtSignature"], std::string(kNoSignature));
  }
}

TEST(GeminiRequest, LeavesSignaturesOutOnceTheyWereRefused) {
  const json made =
      contents({user("go"), assistant({thinking(sealed(of_call("U0lH"))), use("a")}), user({result("a")})},
               {"gemini-3.1-pro-preview", false, true});
  EXPECT_EQ(made[1]["parts"][0]["thoughtSignature"], std::string(kNoSignature));
}

TEST(GeminiRequest, SignsNothingForOlderModels) {
  const json made = contents({user("go"), assistant({use("a")}), user({result("a")})}, {"gemini-2.5-pro"});
  EXPECT_FALSE(made[1]["parts"][0].contains("thoughtSignature"));
}

TEST(GeminiRequest, ThinksAsTheGenerationDoes) {
  const auto config = [](const json& extra, const char* model) {
    json request = {{"messages", {user("hi")}}};
    request.update(extra);
    const json made = body(request, {model})["generationConfig"];
    return made.contains("thinkingConfig") ? made["thinkingConfig"].dump() : "none";
  };
  const auto enabled = [](int budget) { return json{{"thinking", {{"type", "enabled"}, {"budget_tokens", budget}}}}; };
  const json off = {{"thinking", {{"type", "disabled"}}}};
  const json adaptive = {{"thinking", {{"type", "adaptive"}}}};
  const json hidden = {{"thinking", {{"type", "adaptive"}, {"display", "omitted"}}},
                       {"output_config", {{"effort", "medium"}}}};
  const json most = {{"output_config", {{"effort", "max"}}}};
  EXPECT_EQ(config(json::object(), "gemini-4-argon"), "none");
  EXPECT_EQ(config(enabled(2000), "gemini-3-flash-preview"), R"({"includeThoughts":true,"thinkingLevel":"low"})");
  EXPECT_EQ(config(enabled(10000), "gemini-3-flash-preview"), R"({"includeThoughts":true,"thinkingLevel":"medium"})");
  EXPECT_EQ(config(enabled(31999), "gemini-3-flash-preview"), R"({"includeThoughts":true,"thinkingLevel":"high"})");
  EXPECT_EQ(config(adaptive, "gemini-flash-latest"), R"({"includeThoughts":true})");
  EXPECT_EQ(config(hidden, "gemini-4-argon"), R"({"thinkingLevel":"medium"})");
  EXPECT_EQ(config(most, "gemini-4-argon"), R"({"thinkingLevel":"high"})");
  EXPECT_EQ(config(off, "gemini-4-argon"), R"({"thinkingLevel":"low"})");
  EXPECT_EQ(config(enabled(31999), "gemini-2.5-flash"), R"({"includeThoughts":true,"thinkingBudget":24576})");
  EXPECT_EQ(config(enabled(2000), "gemini-2.5-flash"), R"({"includeThoughts":true,"thinkingBudget":2000})");
  EXPECT_EQ(config(adaptive, "gemini-2.5-flash"), R"({"includeThoughts":true,"thinkingBudget":-1})");
  EXPECT_EQ(config(off, "gemini-2.5-flash"), R"({"thinkingBudget":0})");
  EXPECT_EQ(config(off, "gemini-2.5-pro"), R"({"thinkingBudget":128})");
  EXPECT_EQ(config(enabled(2000), "gemini-2.0-flash"), "none");
  EXPECT_EQ(config(enabled(2000), "gemma-4-31b-it"), "none");
}

TEST(GeminiRequest, AsksForStructuredOutput) {
  const json format = {
      {"type", "json_schema"},
      {"schema",
       {{"type", "object"}, {"additionalProperties", false}, {"properties", {{"a", {{"type", "integer"}}}}}}}};
  const json made = body({{"messages", {user("hi")}}, {"output_config", {{"format", format}}}})["generationConfig"];
  EXPECT_EQ(made["responseMimeType"], "application/json");
  EXPECT_EQ(made["responseSchema"], json::parse(R"({"type": "OBJECT", "properties": {"a": {"type": "INTEGER"}}})"));
}

TEST(GeminiRequest, CountsSystemAndToolsToo) {
  const json request = {{"model", "m"},
                        {"system", "be kind"},
                        {"messages", {user("hi")}},
                        {"tools", json::array({{{"name", "Now"}, {"input_schema", {{"type", "object"}}}}})}};
  translation::RequestReader reader;
  const std::string text = request.dump();
  const auto read = reader.read(text, false);
  ASSERT_TRUE(read.ok()) << read.status();
  const json prompt = json::parse(R"({
    "systemInstruction": {"parts": [{"text": "be kind"}]}, "tools": [{"functionDeclarations": [{"name": "Now"}]}],
    "contents": [{"role": "user", "parts": [{"text": "hi"}]}]})");
  EXPECT_EQ(json::parse(*count_body(*read, destination({"gemini-3.1-pro-preview", true}), kEnvelopes)), prompt);
  json studio = prompt;
  studio["model"] = "models/gemini-3.1-pro-preview";
  EXPECT_EQ(json::parse(*count_body(*read, destination({}), kEnvelopes)), json({{"generateContentRequest", studio}}));
}

TEST(GeminiNames, FitAndComeBack) {
  const std::string long_name = "mcp__a_server_with_a_long_name__and_a_tool_whose_name_is_even_longer_than_that";
  const json tools = json::array({{{"name", long_name}, {"input_schema", {{"type", "object"}}}},
                                  {{"name", "0day"}, {"input_schema", {{"type", "object"}}}}});
  const json messages = {user("go"), assistant({use("a", long_name.c_str())}), user({result("a")})};
  const json request = {{"model", "m"}, {"max_tokens", 1}, {"messages", messages}, {"tools", tools}};
  const json made = body(request);
  const std::string name = made["tools"][0]["functionDeclarations"][0]["name"];
  EXPECT_LE(name.size(), 64u);
  EXPECT_EQ(made["contents"][1]["parts"][0]["functionCall"]["name"], name);
  EXPECT_EQ(made["contents"][2]["parts"][0]["functionResponse"]["name"], name);
  translation::RequestReader reader;
  const std::string text = request.dump();
  const auto read = reader.read(text);
  EXPECT_TRUE(may_be_changed(name));
  EXPECT_EQ(tool_of(*read, name), long_name);
  EXPECT_EQ(tool_of(*read, function_name("0day")), "0day");
  EXPECT_EQ(tool_of(*read, "unknown"), "unknown");
  EXPECT_NE(function_name(long_name), function_name(long_name + "x"));
}

TEST(GeminiThought, ComesBackAsItWentIn) {
  for (const Thought& thought : {Thought{}, Thought{"a", "", ""}, Thought{"", "b", ""}, Thought{"a", "b", "c="}})
    EXPECT_EQ(from_payload(to_payload(thought)), thought);
  EXPECT_TRUE(from_payload("\n\nzz\n").empty());
}

TEST(GeminiModel, IsOfTheNewestGenerationUnlessKnownToBeOlder) {
  for (const char* model : {"gemini-3-pro", "gemini-4-argon", "gemini-flash-latest", "gemini-pro-latest", "gemini-20"})
    EXPECT_EQ(thinking_control(model), ThinkingControl::kLevel) << model;
  EXPECT_EQ(thinking_control("models/gemini-2.5-flash-lite"), ThinkingControl::kBudget);
  for (const char* model : {"gemini-1.5-pro", "gemini-2.0-flash", "gemini-pro", "gemma-4-31b-it", "1234567890"})
    EXPECT_EQ(thinking_control(model), ThinkingControl::kNone) << model;
}

}  // namespace
}  // namespace tollgate::gemini
