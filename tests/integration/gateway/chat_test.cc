// Chat completions over real sockets: what reaches the Messages interface, and what comes back of it.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/integration/gateway/edge_testing.h"

namespace tollgate {
namespace {

using nlohmann::json;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kQuestion =
    R"({"model":"anthropic/claude-sonnet-4","messages":[{"role":"user","content":"Hi"}],"stream":true})";
constexpr const char* kMessage =
    R"({"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[{"type":"text","text":"Hello"}],)"
    R"("stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":2}})";
const std::string kStart =
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"claude\","
    "\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\n";
const std::string kText =
    "event: content_block_delta\ndata: "
    "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\","
    "\"text\":\"Hello\"}}\n\n";
const std::string kEnd =
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},"
    "\"usage\":{\"output_tokens\":2}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

class ChatTest : public EdgeTest {
 protected:
  static std::string chat(const std::string& body, const std::string& headers = "",
                          const std::string& path = "/v1/chat/completions") {
    return "POST " + path + " HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer sk-tg-v1-good\r\n" + headers +
           "content-type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }

  static v1::Frame stream_head() {
    return head_frame("text/event-stream; charset=utf-8", {{"request-id", "req_1"}, {"x-generation-id", "gen-1"}});
  }

  json sent() const { return json::parse(messages_.last_request().body()); }

  static std::string header_of(const v1::CreateRequest& request, const std::string& name) {
    std::string values;
    for (const v1::Header& header : request.headers()) {
      if (header.name() == name)
        values += header.value() + ";";
    }
    return values;
  }
};

TEST_F(ChatTest, AWholeAnswerUnderAnyPrefix) {
  std::vector<Step> reply = json_reply(kMessage);
  reply[0] = write(head_frame("application/json", {{"request-id", "req_1"}, {"x-generation-id", "gen-1"}}));
  messages_.set_script(reply);
  start();
  for (const std::string path : {"/v1/chat/completions", "/api/v1/chat/completions", "/api/v1/chat/completions?x=1"}) {
    const RawResponse response = ask(chat(R"({"model":"m","messages":[{"role":"user","content":"Hi"}]})", "", path));
    EXPECT_EQ(response.status, 200u);
    EXPECT_EQ(response.headers.at("x-request-id"), "req_1");
    EXPECT_EQ(response.headers.at("content-type"), "application/json");
    const json completion = json::parse(response.body);
    EXPECT_EQ(completion["id"], "gen-1");
    EXPECT_EQ(completion["choices"][0]["message"]["content"], "Hello");
    EXPECT_EQ(completion["usage"]["total_tokens"], 5);
  }
}

TEST_F(ChatTest, WhatGoesOnIsARequestOfTheMessagesApi) {
  start();
  ask(chat(R"({"model":"m","messages":[{"role":"user","content":"Hi"}],"max_tokens":5,"temperature":0.5})",
           "OpenAI-Organization: o\r\nX-Stainless-Lang: js\r\nanthropic-version: 2026-10-21\r\nx-mine: 1\r\n"));
  EXPECT_EQ(sent(), json::parse(R"({"model":"m","max_tokens":5,"stream":false,"temperature":0.5,"messages":[)"
                                R"({"role":"user","content":[{"type":"text","text":"Hi"}]}]})"));
  const v1::CreateRequest request = messages_.last_request();
  EXPECT_EQ(request.api_key(), "sk-tg-v1-good");
  EXPECT_EQ(request.api(), v1::CLIENT_API_CHAT_COMPLETIONS);
  EXPECT_EQ(header_of(request, "anthropic-version"), "2023-06-01;");
  EXPECT_EQ(header_of(request, "OpenAI-Organization") + header_of(request, "X-Stainless-Lang"), "");
  EXPECT_EQ(header_of(request, "x-mine"), "1;");
}

TEST_F(ChatTest, TheCatalogKnowsHowMuchCanBeAskedFor) {
  start();
  const auto max_tokens_of = [&](const std::string& model) {
    ask(chat("{\"model\":\"" + model + "\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}"));
    return sent()["max_tokens"].get<int>();
  };
  EXPECT_EQ(max_tokens_of("anthropic/claude-sonnet-4"), 32000);
  EXPECT_EQ(max_tokens_of("anthropic/claude-sonnet-4:nitro"), 32000);
  EXPECT_EQ(max_tokens_of("nobody/nothing"), 4096) << "the router says what is wrong with it";
}

TEST_F(ChatTest, TheFirstChunkArrivesWhileTheRestIsStillToCome) {
  messages_.set_script(
      {write(stream_head()), write(data_frame(kStart + kText)), gate(), write(data_frame(kEnd)), write(done_frame())});
  start();
  RawClient client = connect();
  client.send(chat(kQuestion));
  client.read_until("\"delta\":{\"content\":\"Hello\"}");
  EXPECT_EQ(messages_.finished(), 0);
  messages_.open_gate();
  const RawResponse response = client.read_response();
  EXPECT_TRUE(response.complete);
  EXPECT_EQ(response.headers.at("content-type"), "text/event-stream; charset=utf-8");
  EXPECT_THAT(response.body, StartsWith("data: {\"id\":\"gen-1\",\"object\":\"chat.completion.chunk\""));
  EXPECT_THAT(response.body, HasSubstr("\"finish_reason\":\"stop\""));
  EXPECT_THAT(response.body, EndsWith("data: [DONE]\n\n"));
  EXPECT_THAT(response.body, Not(HasSubstr("event:")));
  client.send(chat(kQuestion));
  EXPECT_TRUE(client.read_response().complete) << "the connection lives on";
}

TEST_F(ChatTest, ASilentStreamStaysAliveByComments) {
  messages_.set_script({write(stream_head()), write(keep_alive_frame()), gate(), write(data_frame(kStart + kText)),
                        write(data_frame(kEnd)), write(done_frame())});
  start();
  RawClient client = connect();
  client.send(chat(kQuestion));
  client.read_until(": keep-alive\n\n");
  messages_.open_gate();
  EXPECT_THAT(client.read_response().body, StartsWith(": keep-alive\n\ndata: {"));
}

TEST_F(ChatTest, AnEventThatComesInPartsIsPutTogether) {
  const std::string all = kStart + kText + kEnd;
  for (const std::size_t cut : {std::size_t{1}, kStart.size() + 30, all.size() - 1}) {
    messages_.set_script({write(stream_head()), write(data_frame(all.substr(0, cut), true)), write(keep_alive_frame()),
                          write(data_frame(all.substr(cut))), write(done_frame())});
    if (!edge_)
      start();
    const RawResponse response = ask(chat(kQuestion));
    EXPECT_TRUE(response.complete);
    EXPECT_THAT(response.body, HasSubstr("\"content\":\"Hello\""));
    EXPECT_THAT(response.body, EndsWith("data: [DONE]\n\n"));
  }
}

TEST_F(ChatTest, AFailureBeforeTheHeadIsAnErrorOfOpenAis) {
  v1::Failure failure = make_failure(v1::Failure::KIND_BUDGET, "The key has spent 5 of 5 USD.");
  failure.set_generation_id("gen-7");
  messages_.set_script({fail(failure)});
  start();
  const RawResponse response = ask(chat(kQuestion));
  EXPECT_EQ(response.status, 402u);
  EXPECT_EQ(response.headers.at("x-should-retry"), "false");
  EXPECT_EQ(response.headers.at("x-request-id"), "gen-7");
  EXPECT_EQ(response.body, R"({"error":{"message":"The key has spent 5 of 5 USD.","type":"insufficient_quota",)"
                           R"("param":null,"code":"insufficient_quota"}})");
}

TEST_F(ChatTest, AnOverloadedUpstreamIsA503) {
  v1::Failure failure = make_failure(v1::Failure::KIND_OVERLOADED, "Overloaded");
  add_header(failure, "retry-after", "7");
  messages_.set_script({fail(failure)});
  start();
  const RawResponse response = ask(chat(kQuestion));
  EXPECT_EQ(response.status, 503u);
  EXPECT_EQ(response.headers.at("retry-after"), "7");
}

TEST_F(ChatTest, AFailureInTheMidstEndsTheStreamWithAnErrorChunk) {
  const v1::Failure failure = make_failure(v1::Failure::KIND_OVERLOADED, "The upstream is overloaded.");
  // Behind an event, and within one.
  for (const v1::Frame& last : {data_frame(kText), data_frame(kText + "event: x\nda", true)}) {
    messages_.set_script({write(stream_head()), write(data_frame(kStart)), write(last), fail(failure)});
    if (!edge_)
      start();
    const RawResponse response = ask(chat(kQuestion));
    EXPECT_TRUE(response.complete);
    EXPECT_THAT(response.body, HasSubstr(R"("error":{"message":"The upstream is overloaded.","type":"server_error")"));
    EXPECT_THAT(response.body, EndsWith("\"finish_reason\":\"error\"}]}\n\n"));
  }
}

TEST_F(ChatTest, AnErrorEventOfTheUpstreamsEndsTheStreamOnce) {
  messages_.set_script(
      {write(stream_head()), write(data_frame(kStart + kText)),
       write(data_frame(
           "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"no\"}}\n\n")),
       write(done_frame())});
  start();
  const RawResponse response = ask(chat(kQuestion));
  EXPECT_TRUE(response.complete);
  EXPECT_THAT(response.body, EndsWith("\"finish_reason\":\"error\"}]}\n\n"));
  EXPECT_THAT(response.body, Not(HasSubstr("[DONE]")));
}

TEST_F(ChatTest, AnAnswerThatIsNoMessageIsAnError) {
  messages_.set_script(json_reply("{\"hello\":1}"));
  start();
  const RawResponse response = ask(chat(R"({"model":"m","max_tokens":1,"messages":[{"role":"user","content":"a"}]})"));
  EXPECT_EQ(response.status, 503u);
  EXPECT_THAT(response.body, HasSubstr("server_error"));
}

TEST_F(ChatTest, WhatIsRefusedHereGoesNoFurther) {
  start();
  const RawResponse several = ask(chat(R"({"model":"m","n":2,"messages":[{"role":"user","content":"a"}]})"));
  EXPECT_EQ(several.status, 400u);
  const json error = json::parse(several.body)["error"];
  EXPECT_EQ(error["type"], "invalid_request_error");
  EXPECT_EQ(error["param"], "n");
  EXPECT_EQ(ask(chat("{")).status, 400u);
  EXPECT_EQ(ask("GET /v1/chat/completions HTTP/1.1\r\nHost: t\r\n\r\n").status, 405u);
  const RawResponse no_key = ask("POST /v1/chat/completions HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\n{}");
  EXPECT_EQ(no_key.status, 401u);
  EXPECT_EQ(json::parse(no_key.body)["error"]["code"], "invalid_api_key");
  EXPECT_EQ(messages_.calls(), 0);
}

TEST_F(ChatTest, AClientThatGoesCancelsItsCall) {
  messages_.set_script({write(stream_head()), write(data_frame(kStart + kText)), silence()});
  start();
  RawClient client = connect();
  client.send(chat(kQuestion));
  client.read_until("Hello");
  client.close();
  EXPECT_TRUE(eventually([&] { return messages_.cancelled() == 1; }));
}

}  // namespace
}  // namespace tollgate
