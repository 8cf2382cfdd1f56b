#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "services/common/base/errors.h"
#include "services/provider_adapter/anthropic/event_stream.h"
#include "services/provider_adapter/gemini/names.h"
#include "services/provider_adapter/gemini/stream.h"
#include "services/provider_adapter/translation/message_writer.h"

namespace tollgate::gemini {
namespace {

using json = nlohmann::json;
using List = std::initializer_list<json>;

const translation::Envelopes kEnvelopes("key");

v1::SendRequest request(const json& more = json::object()) {
  json body = {{"model", "m"}, {"max_tokens", 10}, {"messages", json::array({{{"role", "user"}, {"content", "hi"}}})}};
  body.update(more);
  v1::SendRequest asked;
  asked.set_upstream("google");
  asked.set_model("gemini-3.1-pro-preview");
  asked.set_generation_id("gen-1");
  asked.set_stream(true);
  asked.set_body(body.dump());
  return asked;
}

json text(const char* text) {
  return {{"text", text}};
}
json thought(const char* text) {
  return {{"text", text}, {"thought", true}};
}
json signed_by(const char* signature, json part) {
  part["thoughtSignature"] = signature;
  return part;
}
json call(const char* name, const json& args = json::object(), const char* id = nullptr) {
  json call = {{"name", name}, {"args", args}};
  if (id != nullptr)
    call["id"] = id;
  return {{"functionCall", call}};
}

json chunk(List parts, const char* reason = nullptr, const json& usage = nullptr) {
  json array = json::array();
  for (const json& part : parts)
    array.push_back(part);
  json candidate = {{"content", {{"role", "model"}, {"parts", array}}}, {"index", 0}};
  if (reason != nullptr)
    candidate["finishReason"] = reason;
  json chunk = {{"candidates", json::array({candidate})}, {"responseId", "r1"}, {"modelVersion", "v"}};
  if (!usage.is_null())
    chunk["usageMetadata"] = usage;
  return chunk;
}

std::string sse(List chunks) {
  std::string bytes;
  for (const json& chunk : chunks)
    bytes += "data: " + chunk.dump() + "\r\n\r\n";
  return bytes;
}

struct Streamed {
  absl::Status status;
  std::string events;
};

Streamed decode(std::string_view bytes, std::size_t cut = std::string::npos, const v1::SendRequest& asked = request()) {
  ChunkDecoder decoder({asked, kEnvelopes, "google", Door::kStudio});
  Streamed streamed;
  streamed.status = decoder.decode(bytes.substr(0, cut), streamed.events);
  if (streamed.status.ok() && cut < bytes.size())
    streamed.status = decoder.decode(bytes.substr(cut), streamed.events);
  if (streamed.status.ok())
    streamed.status = decoder.finish(streamed.events);
  return streamed;
}

// The message that a stream adds up to, read as a client would; every rule of its order is checked on the way.
json accumulate(const std::string& events) {
  json message;
  json block;
  std::string input;
  bool open = false;
  bool ended = false;
  sse::Scanner scanner;
  scanner.scan(events, true, [&](const sse::Event& event) {
    const json data = json::parse(event.data);
    const std::string type = data.at("type");
    EXPECT_EQ(type, event.name);
    EXPECT_FALSE(ended) << "after the end: " << type;
    if (type == "message_start") {
      EXPECT_TRUE(message.is_null());
      message = data.at("message");
    } else if (type == "content_block_start") {
      EXPECT_FALSE(open);
      EXPECT_EQ(data.at("index"), message.at("content").size());
      block = data.at("content_block");
      open = true;
      input.clear();
    } else if (type == "content_block_delta") {
      EXPECT_TRUE(open);
      const json& delta = data.at("delta");
      if (delta.at("type") == "input_json_delta")
        input += delta.at("partial_json").get<std::string>();
      for (const char* member : {"text", "thinking", "signature"}) {
        if (delta.contains(member))
          block[member] = block[member].get<std::string>() + delta[member].get<std::string>();
      }
    } else if (type == "content_block_stop") {
      EXPECT_TRUE(open);
      open = false;
      if (block["type"] == "tool_use")
        block["input"] = input.empty() ? json::object() : json::parse(input);
      // Neither a text nor a signature may be empty.
      EXPECT_NE(block.value("text", "x"), "");
      EXPECT_NE(block.value("signature", "x"), "");
      message["content"].push_back(block);
    } else if (type == "message_delta") {
      EXPECT_FALSE(open);
      message.update(data.at("delta"));
      message["usage"].update(data.at("usage"));
    } else if (type == "message_stop") {
      ended = true;
    } else {
      ADD_FAILURE() << type;
    }
  });
  EXPECT_TRUE(ended);
  return message;
}

json message(List chunks, const v1::SendRequest& asked = request()) {
  const Streamed streamed = decode(sse(chunks), std::string::npos, asked);
  EXPECT_TRUE(streamed.status.ok()) << streamed.status;
  return accumulate(streamed.events);
}

v1::Failure failure(List chunks) {
  const Streamed streamed = decode(sse(chunks));
  return streamed.status.ok() ? v1::Failure() : failure_of(streamed.status);
}

Thought opened(const json& block) {
  const std::string sealed = block.value(block["type"] == "thinking" ? "signature" : "data", "");
  const auto payload = kEnvelopes.open_for(sealed, kDialect, "google", "gemini-3.1-pro-preview");
  EXPECT_TRUE(payload.has_value());
  return from_payload(payload.value_or(""));
}

const json kUsage = {{"promptTokenCount", 100},       {"candidatesTokenCount", 20}, {"thoughtsTokenCount", 30},
                     {"cachedContentTokenCount", 40}, {"totalTokenCount", 150},     {"toolUsePromptTokenCount", 5}};

TEST(GeminiAnswer, IsAMessage) {
  const json got = message(
      {chunk({text("Hel")}, nullptr, {{"promptTokenCount", 100}}), chunk({text("lo")}), chunk({}, "STOP", kUsage)});
  EXPECT_EQ(got["content"], json::parse(R"([{"type": "text", "text": "Hello"}])"));
  EXPECT_EQ(got["stop_reason"], "end_turn");
  EXPECT_EQ(got["stop_sequence"], nullptr);
  EXPECT_EQ(got["model"], "gemini-3.1-pro-preview");
  EXPECT_EQ(got["role"], "assistant");
  EXPECT_TRUE(got["id"].get<std::string>().starts_with("msg_"));
}

// BerriAI/litellm 9812, 11364; Aider-AI/aider 5518: cached tokens counted twice, thoughts not at all.
TEST(GeminiAnswer, CountsNoTokenTwiceAndForgetsNone) {
  const json usage = message({chunk({text("x")}, "STOP", kUsage)})["usage"];
  EXPECT_EQ(usage["input_tokens"], 100 + 5 - 40);
  EXPECT_EQ(usage["cache_read_input_tokens"], 40);
  EXPECT_EQ(usage["cache_creation_input_tokens"], 0);
  EXPECT_EQ(usage["output_tokens"], 20 + 30);
  EXPECT_EQ(usage["output_tokens_details"]["thinking_tokens"], 30);
}

// router-for-me/CLIProxyAPI 1700, BerriAI/litellm 41406: zero in message_start breaks the meters of clients.
TEST(GeminiAnswer, StartsWithWhatIsKnownOfThePrompt) {
  const Streamed streamed = decode(sse({chunk({text("x")}, nullptr, kUsage), chunk({}, "STOP", kUsage)}));
  const std::string first = streamed.events.substr(0, streamed.events.find("\n\n"));
  const json start = json::parse(first.substr(first.find("data: ") + 6));
  EXPECT_EQ(start["message"]["usage"]["input_tokens"], 65);
  EXPECT_EQ(start["message"]["usage"]["cache_read_input_tokens"], 40);
  EXPECT_EQ(start["message"]["usage"]["output_tokens"], 1);
}

// router-for-me/CLIProxyAPI 1279: no usage at all.
TEST(GeminiAnswer, EstimatesWhatNobodyCounts) {
  const json usage = message({chunk({text("some words of an answer")}), chunk({}, "STOP")})["usage"];
  EXPECT_GT(usage["input_tokens"], 0);
  EXPECT_GT(usage["output_tokens"], 3);
}

TEST(GeminiAnswer, KeepsTheLastOfCumulativeCounts) {
  const json usage = message({chunk({text("a")}, nullptr, {{"promptTokenCount", 9}, {"candidatesTokenCount", 1}}),
                              chunk({text("b")}, nullptr, {{"promptTokenCount", 9}, {"candidatesTokenCount", 2}}),
                              chunk({}, "STOP", {{"promptTokenCount", 9}, {"thoughtsTokenCount", 4}})})["usage"];
  EXPECT_EQ(usage["input_tokens"], 9);
  EXPECT_EQ(usage["output_tokens"], 2 + 4);
}

TEST(GeminiAnswer, SaysWhyItStopped) {
  const auto reason = [](const char* gemini) { return message({chunk({text("x")}, gemini)})["stop_reason"]; };
  EXPECT_EQ(reason("STOP"), "end_turn");
  EXPECT_EQ(reason("MAX_TOKENS"), "max_tokens");
  EXPECT_EQ(reason("CONTINUATION"), "max_tokens");
  for (const char* refusal : {"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY"})
    EXPECT_EQ(reason(refusal), "refusal") << refusal;
  EXPECT_EQ(reason("OTHER"), "end_turn");
  EXPECT_EQ(reason("SOMETHING_NEW"), "end_turn");
}

TEST(GeminiAnswer, IsARefusalWhenThePromptIsBlocked) {
  const json got = message({{{"promptFeedback", {{"blockReason", "SAFETY"}}}, {"usageMetadata", kUsage}}});
  EXPECT_EQ(got["stop_reason"], "refusal");
  EXPECT_EQ(got["content"], json::array());
}

TEST(GeminiAnswer, FailsWhenTheModelBrokeOff) {
  for (const char* reason : {"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "MALFORMED_RESPONSE"})
    EXPECT_EQ(failure({chunk({}, reason)}).kind(), v1::Failure::KIND_UNAVAILABLE) << reason;
  EXPECT_EQ(failure({chunk({}, "OTHER")}).kind(), v1::Failure::KIND_UNAVAILABLE);
}

// BerriAI/litellm 32086, 39703; router-for-me/CLIProxyAPI 3996: a cut stream is no end of a turn.
TEST(GeminiAnswer, FailsWhenTheStreamIsCut) {
  EXPECT_EQ(failure({chunk({text("half")})}).kind(), v1::Failure::KIND_UNAVAILABLE);
  EXPECT_EQ(failure({}).kind(), v1::Failure::KIND_UNAVAILABLE);
  const Streamed streamed = decode("data: {\"candidates\":[{\"content\":{\"parts\":[{\"te");
  EXPECT_FALSE(streamed.status.ok());
  EXPECT_EQ(streamed.events.find("message_stop"), std::string::npos);
}

TEST(GeminiAnswer, FailsByItsOwnWordInMidStream) {
  const json error = {{"error", {{"code", 503}, {"message", "The model is overloaded."}, {"status", "UNAVAILABLE"}}}};
  EXPECT_EQ(failure({chunk({text("half")}), error}).kind(), v1::Failure::KIND_OVERLOADED);
  EXPECT_EQ(failure({error}).http_status(), 529u);
}

TEST(GeminiAnswer, CallsTools) {
  const json got = message({chunk({text("Now."), call("Write", {{"path", "a"}}, "id1"), call("Now")}, "STOP", kUsage)});
  EXPECT_EQ(got["stop_reason"], "tool_use");
  ASSERT_EQ(got["content"].size(), 3u);
  EXPECT_EQ(got["content"][1]["name"], "Write");
  EXPECT_EQ(got["content"][1]["input"], json({{"path", "a"}}));
  EXPECT_EQ(call_id(got["content"][1]["id"].get<std::string>()), "id1");
  EXPECT_EQ(got["content"][2]["input"], json::object());
  EXPECT_TRUE(got["content"][2]["id"].get<std::string>().starts_with("toolu_"));
}

// BerriAI/litellm 34692: STOP although there are calls, said before or after them.
TEST(GeminiAnswer, EndsInToolUseWheneverACallCame) {
  EXPECT_EQ(message({chunk({text("x")}, "STOP"), chunk({call("Now")}), chunk({}, "STOP")})["stop_reason"], "tool_use");
  EXPECT_EQ(message({chunk({text("x")}, "STOP"), chunk({call("Now")})})["stop_reason"], "tool_use");
}

TEST(GeminiAnswer, GivesEveryCallAnIdOfItsOwn) {
  const json got = message({chunk({call("A", {}, "same"), call("B", {}, "same"), call("C", {}, "bad id!"), call("D")}),
                            chunk({call("E")}, "STOP")});
  std::set<std::string> ids;
  for (const json& block : got["content"]) {
    const std::string id = block["id"];
    EXPECT_EQ(id.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"), id.npos) << id;
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), 5u);
}

TEST(GeminiAnswer, MakesOneCallWhereOnlyOneIsWanted) {
  const json choice = {{"tool_choice", {{"type", "auto"}, {"disable_parallel_tool_use", true}}}};
  EXPECT_EQ(message({chunk({call("A"), call("B")}, "STOP")}, request(choice))["content"].size(), 1u);
}

TEST(GeminiAnswer, CallsToolsByTheirOwnNames) {
  const std::string name = "mcp__a_server_with_a_long_name__and_a_tool_whose_name_is_even_longer_than_that";
  const json tools = {{"tools", json::array({{{"name", name}, {"input_schema", {{"type", "object"}}}}})}};
  const json got = message({chunk({call(function_name(name).c_str())}, "STOP")}, request(tools));
  EXPECT_EQ(got["content"][0]["name"], name);
}

// Every signature comes back in a block of thinking, and goes where it came from.
TEST(GeminiAnswer, SealsTheSignatureOfACallIntoTheThoughtBeforeIt) {
  const json got = message({chunk({thought("I had ")}), chunk({thought("better.")}),
                            chunk({signed_by("U0lH", call("Now")), call("Then")}, "STOP")});
  ASSERT_EQ(got["content"].size(), 3u);
  EXPECT_EQ(got["content"][0]["thinking"], "I had better.");
  EXPECT_EQ(opened(got["content"][0]).call, "U0lH");
  EXPECT_EQ(got["content"][1]["type"], "tool_use");
  EXPECT_EQ(got["content"][2]["type"], "tool_use");
}

TEST(GeminiAnswer, MakesAThoughtForASignatureThatHasNone) {
  const json got = message({chunk({text("So."), signed_by("U0lH", call("Now"))}, "STOP")});
  ASSERT_EQ(got["content"].size(), 3u);
  EXPECT_EQ(got["content"][1]["type"], "thinking");
  EXPECT_EQ(got["content"][1]["thinking"], "");
  EXPECT_EQ(opened(got["content"][1]).call, "U0lH");
}

TEST(GeminiAnswer, SealsTheSignaturesOfTextAndThought) {
  const json got = message({chunk({signed_by("T1dO", thought("hm"))}), chunk({signed_by("VEVY", text("so"))}, "STOP")});
  EXPECT_EQ(opened(got["content"][0]), (Thought{"T1dO", "VEVY", ""}));
  EXPECT_EQ(got["content"].size(), 2u);
}

TEST(GeminiAnswer, SealsAThoughtOfNoSignatureToo) {
  const json got = message({chunk({thought("hm")}), chunk({text("so")}, "STOP")});
  EXPECT_TRUE(opened(got["content"][0]).empty());
}

// A signature behind the text, in a part of its own: nothing to put it into.
TEST(GeminiAnswer, EndsWithTheTextWhenASignatureComesLate) {
  const json got = message({chunk({text("so")}), chunk({signed_by("VEVY", text(""))}, "STOP")});
  EXPECT_EQ(got["content"], json::parse(R"([{"type": "text", "text": "so"}])"));
}

TEST(GeminiAnswer, OpensANewThoughtBehindText) {
  const json got = message({chunk({thought("a"), text("b"), thought("c"), text("d")}, "STOP")});
  ASSERT_EQ(got["content"].size(), 4u);
  EXPECT_EQ(got["content"][2]["thinking"], "c");
}

TEST(GeminiAnswer, PassesOverWhatHasNoBlock) {
  const json got = message({chunk({text("a"),
                                   {{"inlineData", {{"mimeType", "image/png"}, {"data", "AA"}}}},
                                   {{"executableCode", {{"code", "1"}}}},
                                   json(7),
                                   text("b")},
                                  "STOP")});
  EXPECT_EQ(got["content"], json::parse(R"([{"type": "text", "text": "ab"}])"));
}

TEST(GeminiAnswer, IsTheSameHoweverItsBytesAreCut) {
  const std::string bytes =
      "\xef\xbb\xbf: comment\r\n\r\n" +
      sse({chunk({thought("äö")}, nullptr, kUsage), chunk({signed_by("U0lH", call("Write", {{"p", "ü\n"}}, "i"))}),
           chunk({call("Now")}), chunk({text("text")}), chunk({}, "STOP", kUsage)});
  const Streamed whole = decode(bytes);
  ASSERT_TRUE(whole.status.ok()) << whole.status;
  accumulate(whole.events);
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    const Streamed parted = decode(bytes, cut);
    ASSERT_TRUE(parted.status.ok());
    ASSERT_EQ(parted.events, whole.events) << cut;
  }
}

// Whatever the last event's blank line is worth.
TEST(GeminiAnswer, TakesALastEventWithoutItsBlankLine) {
  std::string bytes = sse({chunk({text("x")}, "STOP")});
  bytes.resize(bytes.size() - 4);
  EXPECT_TRUE(decode(bytes).status.ok());
}

TEST(GeminiAnswer, IsWellFormedForTheRouter) {
  const Streamed streamed = decode(sse({chunk({thought("t"), text("x"), call("Now")}, "STOP", kUsage)}));
  anthropic::EventStream stream;
  std::vector<v1::Frame> frames;
  EXPECT_EQ(stream.push(streamed.events, frames), anthropic::EventStream::Result::kOk);
  EXPECT_TRUE(stream.committed());
  EXPECT_TRUE(stream.stopped());
  EXPECT_EQ(stream.usage().input_tokens(), 65);
  EXPECT_EQ(stream.usage().cache_read_tokens(), 40);
  EXPECT_EQ(stream.usage().output_tokens(), 50);
  EXPECT_TRUE(stream.usage().final());
}

TEST(GeminiAnswer, IsTheSameMessageWithoutAStream) {
  const json whole =
      chunk({signed_by("T1dO", thought("t")), text("x"), signed_by("U0lH", call("Now", {{"a", 1}}))}, "STOP", kUsage);
  const v1::SendRequest asked = request();
  translation::MessageWriter writer;
  Answer answer({asked, kEnvelopes, "google", Door::kStudio}, writer);
  simdjson::dom::parser parser;
  ASSERT_TRUE(answer.take(parser.parse(whole.dump())).ok());
  ASSERT_TRUE(answer.finish().ok());
  const json got = json::parse(writer.take());
  const json streamed = message({whole});
  for (const char* member : {"id", "model", "content", "stop_reason", "stop_sequence"})
    EXPECT_EQ(got[member], streamed[member]) << member;
  EXPECT_EQ(got["usage"]["output_tokens"], 50);
}

v1::Failure answered(unsigned status, const json& body, Door door = Door::kStudio) {
  return failure_of_response("google", door, status, {}, body.dump(), true, {});
}

json google(unsigned code, const char* status, const char* message, const json& details = json::array()) {
  return {{"error", {{"code", code}, {"message", message}, {"status", status}, {"details", details}}}};
}

TEST(GeminiFailure, IsTheMessagesApisOwn) {
  struct Case {
    unsigned code;
    const char* status;
    FailureKind kind;
    unsigned http_status;
    const char* type;
  };
  using Kind = v1::Failure;
  for (const Case& expected : {Case{400, "INVALID_ARGUMENT", Kind::KIND_INVALID_REQUEST, 400, "invalid_request_error"},
                               Case{400, "FAILED_PRECONDITION", Kind::KIND_UNSUPPORTED, 400, "invalid_request_error"},
                               Case{429, "RESOURCE_EXHAUSTED", Kind::KIND_RATE_LIMITED, 429, "rate_limit_error"},
                               Case{500, "INTERNAL", Kind::KIND_UNAVAILABLE, 500, "api_error"},
                               Case{503, "UNAVAILABLE", Kind::KIND_OVERLOADED, 529, "overloaded_error"},
                               Case{504, "DEADLINE_EXCEEDED", Kind::KIND_TIMEOUT, 504, "timeout_error"}}) {
    const v1::Failure got = answered(expected.code, google(expected.code, expected.status, "why"));
    EXPECT_EQ(got.kind(), expected.kind) << expected.status;
    EXPECT_EQ(got.http_status(), expected.http_status) << expected.status;
    EXPECT_EQ(got.error_type(), expected.type) << expected.status;
    EXPECT_EQ(got.message(), "why");
  }
}

TEST(GeminiFailure, KeepsTheGatewaysOwnTroubleToItself) {
  const json bad_key = google(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.",
                              json::array({{{"@type", "type.googleapis.com/google.rpc.ErrorInfo"},
                                            {"reason", "API_KEY_INVALID"},
                                            {"domain", "googleapis.com"}}}));
  for (const json& body :
       {bad_key, google(403, "PERMISSION_DENIED", "secret project 1234"),
        google(404, "NOT_FOUND", "secret project 1234"), google(401, "UNAUTHENTICATED", "secret project 1234")}) {
    const v1::Failure got = answered(body["error"]["code"], body);
    EXPECT_EQ(got.kind(), v1::Failure::KIND_UPSTREAM_AUTH);
    EXPECT_NE(got.message().find("upstreams.google.api_key"), std::string::npos);
    EXPECT_EQ(got.message().find("1234"), std::string::npos);
    EXPECT_EQ(got.body(), "");
  }
  EXPECT_NE(answered(403, google(403, "PERMISSION_DENIED", "x"), Door::kVertex).message().find("credentials_file"),
            std::string::npos);
}

TEST(GeminiFailure, SaysWhenToComeAgain) {
  const json body =
      google(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota",
             json::array({{{"@type", "type.googleapis.com/google.rpc.QuotaFailure"}},
                          {{"@type", "type.googleapis.com/google.rpc.RetryInfo"}, {"retryDelay", "37.5s"}}}));
  EXPECT_EQ(answered(429, body).retry_after_ms(), 37500u);
  EXPECT_EQ(duration_ms("0.000000001s"), 1u);
  for (const char* text : {"", "s", "1", "-1s", "1ms", "nans", "1 s"})
    EXPECT_EQ(duration_ms(text), 0u) << text;
  EXPECT_EQ(duration_ms("1e99s"), 24u * 3600 * 1000);
}

// Claude Code makes room in the conversation upon these words.
TEST(GeminiFailure, SaysThatAPromptIsTooLongAsAnthropicDoes) {
  const v1::Failure got =
      answered(400, google(400, "INVALID_ARGUMENT",
                           "The input token count (1196265) exceeds the maximum number of tokens allowed (1048575)."));
  EXPECT_EQ(got.kind(), v1::Failure::KIND_CONTEXT_LENGTH);
  EXPECT_EQ(got.message(), "prompt is too long: 1196265 tokens > 1048575 maximum");
  EXPECT_EQ(got.http_status(), 400u);
}

TEST(GeminiFailure, TakesAnErrorInAList) {
  EXPECT_EQ(answered(429, json::array({google(429, "RESOURCE_EXHAUSTED", "x")})).kind(),
            v1::Failure::KIND_RATE_LIMITED);
}

TEST(GeminiFailure, KnowsARefusedSignature) {
  for (const char* message :
       {"Function call is missing a thought_signature in functionCall parts. This is required for tools to work.",
        "Thought signature is not valid", "Corrupted thought signature.", "Invalid thoughtSignature"})
    EXPECT_TRUE(refuses_signature(answered(400, google(400, "INVALID_ARGUMENT", message)))) << message;
  EXPECT_FALSE(refuses_signature(answered(400, google(400, "INVALID_ARGUMENT", "signature of a function"))));
  EXPECT_FALSE(refuses_signature(answered(500, google(500, "INTERNAL", "thought signature"))));
}

TEST(GeminiFailure, SurvivesWhatIsNoError) {
  for (const char* body : {"", "[]", "{}", "null", "<html>", R"({"error":1})", R"({"error":{}})", "[{\"error\":{}}]",
                           R"({"error":{"details":[1,{"@type":1}],"code":-1,"status":[]}})"}) {
    const v1::Failure got = failure_of_response("google", Door::kStudio, 500, {}, body, true, {});
    EXPECT_EQ(got.kind(), v1::Failure::KIND_UNAVAILABLE) << body;
    EXPECT_NE(failure_of_error("google", Door::kStudio, body).kind(), v1::Failure::KIND_UNSPECIFIED) << body;
  }
}

}  // namespace
}  // namespace tollgate::gemini
