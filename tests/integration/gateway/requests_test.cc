// Requests as they come in: bodies, pipelining, expectations, versions, methods.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/integration/gateway/edge_testing.h"

namespace tollgate {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class RequestsTest : public EdgeTest {};

std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i)
    bytes[i] = static_cast<char>(i * 31 + i / 251);
  return bytes;
}

TEST_F(RequestsTest, BodyKeyAndHeadersArriveAsTheyWereSent) {
  start();
  const std::string body = pattern(5000);
  const RawResponse response = ask(
      post(body, "User-Agent: claude-cli/2.1.330\r\nanthropic-beta: a,b\r\nX-Unknown:  J\xc3\xb6rg \r\nCookie: a\r\n"));
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(response.body, "{\"reply\":1}");
  EXPECT_EQ(response.headers.at("content-length"), "11");
  EXPECT_EQ(response.headers.at("request-id"), "req_fake");
  EXPECT_EQ(response.headers.at("x-generation-id"), "gen-fake");
  const v1::CreateRequest request = messages_.last_request();
  EXPECT_EQ(request.api_key(), "sk-tg-v1-good");
  EXPECT_EQ(request.body(), body);
  ASSERT_EQ(request.headers_size(), 4);
  EXPECT_EQ(request.headers(0).name(), "User-Agent");
  EXPECT_EQ(request.headers(1).value(), "a,b");
  EXPECT_EQ(request.headers(2).value(), "J\xc3\xb6rg");
  EXPECT_EQ(request.headers(3).name(), "traceparent");
}

TEST_F(RequestsTest, TenPipelinedRequestsAreAnsweredInOrder) {
  messages_.set_script(json_reply("{\"call\":\"{}\"}"));
  start();
  RawClient client = connect();
  std::string all;
  for (int i = 1; i <= 10; ++i)
    all += post("{\"n\":" + std::to_string(i) + "}");
  client.send(all);
  for (int i = 1; i <= 10; ++i) {
    const RawResponse response = client.read_response();
    EXPECT_EQ(response.status, 200u);
    EXPECT_EQ(response.body, "{\"call\":\"" + std::to_string(i) + "\"}");
  }
  const auto requests = messages_.requests();
  ASSERT_EQ(requests.size(), 10u);
  for (int i = 1; i <= 10; ++i)
    EXPECT_EQ(requests[i - 1].body(), "{\"n\":" + std::to_string(i) + "}");
}

TEST_F(RequestsTest, APipelinedRequestWaitsForTheAnswerBeforeIt) {
  messages_.set_script({write(head_frame("application/json")), gate(), write(data_frame("{}")), write(done_frame())});
  start();
  RawClient client = connect();
  client.send(post());
  ASSERT_TRUE(eventually([&] { return messages_.calls() == 1; }));
  // More than the edge is willing to hold for later.
  std::string later;
  for (int i = 0; i < 20; ++i)
    later += post(std::string(4000, 'x'));
  client.send(later);
  messages_.open_gate();
  for (int i = 1; i <= 21; ++i)
    EXPECT_EQ(client.read_response().body, std::to_string(i));
  EXPECT_EQ(messages_.cancelled(), 0);
}

TEST_F(RequestsTest, AHeadMayComeByteByByte) {
  start();
  RawClient client = connect();
  for (char c : post("{\"a\":1}"))
    client.send(std::string_view(&c, 1));
  EXPECT_EQ(client.read_response().status, 200u);
  EXPECT_EQ(messages_.last_request().body(), "{\"a\":1}");
}

TEST_F(RequestsTest, AChunkedBodyMayBeCutAnywhere) {
  start();
  const std::string head =
      "POST /v1/messages HTTP/1.1\r\nHost: a\r\nx-api-key: sk-tg-v1-good\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string wire = head + "5\r\n{\"a\":\r\nA;x=y\r\n\"b\r\nc d e\"\r\n1\r\n}\r\n0\r\n\r\n";
  RawClient client = connect();
  for (std::size_t cut = 1; cut < wire.size(); ++cut) {
    client.send(std::string_view(wire).substr(0, cut));
    client.send(std::string_view(wire).substr(cut));
    ASSERT_EQ(client.read_response().status, 200u) << cut;
    ASSERT_EQ(messages_.last_request().body(), "{\"a\":\"b\r\nc d e\"}") << cut;
  }
}

TEST_F(RequestsTest, ALargeChunkedBody) {
  start();
  const std::string body = pattern(3'000'000);
  std::string wire =
      "POST /v1/messages HTTP/1.1\r\nHost: a\r\nx-api-key: sk-tg-v1-good\r\ntransfer-encoding: chunked\r\n\r\n";
  for (std::size_t at = 0; at < body.size(); at += 1'000'000)
    wire += "f4240\r\n" + body.substr(at, 1'000'000) + "\r\n";
  RawClient client = connect();
  client.send(wire + "0\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 200u);
  EXPECT_TRUE(messages_.last_request().body() == body);
  EXPECT_EQ(ask(post()).status, 200u);
}

TEST_F(RequestsTest, TheLargestBodyPasses) {
  start();
  const std::string body = pattern(config_.limits.body_bytes);
  RawClient client = connect();
  client.send(post(body));
  EXPECT_EQ(client.read_response().status, 200u);
  EXPECT_TRUE(messages_.last_request().body() == body);
  client.send(post());
  EXPECT_EQ(client.read_response().status, 200u) << "the connection lives on";
}

TEST_F(RequestsTest, OneByteMoreIsRefusedBeforeItIsRead) {
  start();
  RawClient client = connect();
  client.send("POST /v1/messages HTTP/1.1\r\nHost: a\r\nx-api-key: sk-tg-v1-good\r\nContent-Length: 33554433\r\n\r\n");
  // Nothing of the body has been sent.
  const RawResponse response = client.read_response();
  EXPECT_EQ(response.status, 413u);
  EXPECT_THAT(response.body, HasSubstr("\"type\":\"request_too_large\""));
  EXPECT_THAT(response.body, HasSubstr("33554432"));
  EXPECT_EQ(response.headers.at("connection"), "close");
  EXPECT_EQ(messages_.calls(), 0);
}

TEST_F(RequestsTest, AClientThatSendsItAllTheSameCanReadTheRefusal) {
  start();
  RawClient client = connect();
  client.send("POST /v1/messages HTTP/1.1\r\nHost: a\r\nx-api-key: sk-tg-v1-good\r\nContent-Length: 33554433\r\n\r\n" +
              std::string(33'554'433, 'x'));
  EXPECT_EQ(client.read_response().status, 413u);
  EXPECT_TRUE(client.at_end());
}

TEST_F(RequestsTest, AChunkedBodyOverTheLimitIsRefused) {
  config_.limits.body_bytes = 1000;
  start();
  const std::string head =
      "POST /v1/messages HTTP/1.1\r\nHost: a\r\nx-api-key: k\r\nTransfer-Encoding: chunked\r\n\r\n";
  const RawResponse exact = ask(head + "3e8\r\n" + std::string(1000, 'x') + "\r\n0\r\n\r\n");
  EXPECT_EQ(exact.status, 200u);
  const RawResponse more = ask(head + "3e8\r\n" + std::string(1000, 'x') + "\r\n1\r\nx\r\n0\r\n\r\n");
  EXPECT_EQ(more.status, 413u);
  EXPECT_EQ(messages_.calls(), 1);
}

TEST_F(RequestsTest, ExpectationsAreMetOnlyWhereTheBodyIsWanted) {
  start();
  RawClient client = connect();
  client.send(post("", "Expect: 100-continue\r\n")
                  .replace(post("", "Expect: 100-continue\r\n").find("Length: 0"), 9, "Length: 2"));
  EXPECT_EQ(client.read_response().status, 100u);
  EXPECT_EQ(messages_.calls(), 0);
  client.send("{}");
  EXPECT_EQ(client.read_response().status, 200u);

  RawClient eager = connect();
  eager.send(post("{}", "Expect: 100-continue\r\n"));
  EXPECT_EQ(eager.read_response().status, 200u) << "the body was there already";

  const std::string line = "POST /v1/messages HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n";
  const RawResponse no_key = ask(line + "Content-Length: 2\r\n\r\n");
  EXPECT_EQ(no_key.status, 401u);
  EXPECT_EQ(no_key.headers.at("connection"), "close");
  EXPECT_EQ(ask(line + "x-api-key: k\r\nContent-Length: 33554433\r\n\r\n").status, 413u);
  EXPECT_EQ(ask(line + "x-api-key: k\r\nContent-Length: 2\r\nX: " + std::string(33'000, 'a') + "\r\n\r\n").status,
            431u);
}

TEST_F(RequestsTest, WithoutAKeyTheAnswerSaysWhatToSet) {
  start();
  RawClient client = connect();
  client.send("POST /v1/messages HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}");
  const RawResponse response = client.read_response();
  EXPECT_EQ(response.status, 401u);
  EXPECT_EQ(response.headers.at("x-should-retry"), "false");
  EXPECT_THAT(response.headers.at("request-id"), StartsWith("gen-"));
  EXPECT_EQ(response.headers.at("x-generation-id"), response.headers.at("request-id"));
  EXPECT_THAT(response.body, HasSubstr("\"type\":\"authentication_error\""));
  EXPECT_THAT(response.body, HasSubstr("ANTHROPIC_AUTH_TOKEN"));
  EXPECT_EQ(messages_.calls(), 0);
  client.send(post());
  EXPECT_EQ(client.read_response().status, 200u) << "a short body is dropped, the connection kept";
}

TEST_F(RequestsTest, TwoTollgateKeysAreNone) {
  start();
  const RawResponse response = ask(post("{}", "Authorization: Bearer sk-tg-v1-other\r\n"));
  EXPECT_EQ(response.status, 401u);
  EXPECT_EQ(response.headers.at("x-should-retry"), "false");
  EXPECT_EQ(messages_.calls(), 0);
}

TEST_F(RequestsTest, PathsAndMethods) {
  struct Row {
    std::string request;
    unsigned status;
    std::string allow;
  };
  const std::string host = " HTTP/1.1\r\nHost: a\r\nx-api-key: sk-tg-v1-good\r\n";
  const std::vector<Row> rows = {
      {"POST /api/v1/messages?beta=true" + host + "Content-Length: 2\r\n\r\n{}", 200, ""},
      {"POST /anthropic/v1/messages" + host + "Content-Length: 2\r\n\r\n{}", 200, ""},
      {"GET /v1/messages" + host + "\r\n", 405, "POST, OPTIONS"},
      {"HEAD /v1/messages" + host + "\r\n", 405, "POST, OPTIONS"},
      {"DELETE /v1/messages" + host + "Content-Length: 2\r\n\r\n{}", 405, "POST, OPTIONS"},
      {"PUT /v1/messages" + host + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 405, "POST, OPTIONS"},
      {"PATCH /v1/models" + host + "\r\n", 405, "GET, HEAD, OPTIONS"},
      {"POST /v1/models" + host + "Content-Length: 2\r\n\r\n{}", 405, "GET, HEAD, OPTIONS"},
      {"POST /v1/key" + host + "Content-Length: 2\r\n\r\n{}", 405, "GET, HEAD, OPTIONS"},
      {"OPTIONS /v1/messages" + host + "\r\n", 204, "POST, OPTIONS"},
      {"OPTIONS /nowhere" + host + "\r\n", 404, ""},
      {"GET /v1/messages/batches" + host + "\r\n", 404, ""},
      {"POST /v1/completions" + host + "Content-Length: 2\r\n\r\n{}", 404, ""},
      {"GET /v1/chat/completions" + host + "\r\n", 405, "POST, OPTIONS"},
      {"POST /api/v1/v1/messages" + host + "Content-Length: 100000\r\n\r\n" + std::string(100'000, 'x'), 404, ""},
      {"GET /favicon.ico" + host + "\r\n", 404, ""},
  };
  start();
  for (const Row& row : rows) {
    const RawResponse response = ask(row.request);
    const std::string line = row.request.substr(0, row.request.find("\r\n"));
    EXPECT_EQ(response.status, row.status) << line;
    EXPECT_TRUE(response.complete) << line;
    EXPECT_EQ(response.headers.contains("allow") ? response.headers.at("allow") : "", row.allow) << line;
    if (row.status == 404) {
      EXPECT_THAT(response.body, HasSubstr("\"type\":\"not_found_error\"")) << line;
    }
  }
}

TEST_F(RequestsTest, AnOldClientGetsAnOldAnswer) {
  start();
  RawClient client = connect();
  client.send("POST /v1/messages HTTP/1.0\r\nx-api-key: k\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\n{}");
  const RawResponse response = client.read_response();
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(response.headers.at("connection"), "close");
  EXPECT_EQ(response.body, "{\"reply\":1}");
  EXPECT_TRUE(client.at_end());
}

TEST_F(RequestsTest, AnOldClientStreamsWithoutChunks) {
  messages_.set_script({write(head_frame("text/event-stream")), write(data_frame("event: a\n\n")),
                        write(data_frame("event: b\n\n")), write(done_frame())});
  start();
  const RawResponse response = ask("POST /v1/messages HTTP/1.0\r\nx-api-key: k\r\nContent-Length: 2\r\n\r\n{}");
  EXPECT_EQ(response.body, "event: a\n\nevent: b\n\n");
  EXPECT_FALSE(response.headers.contains("transfer-encoding"));
}

TEST_F(RequestsTest, AClientThatWantsToCloseIsClosed) {
  start();
  RawClient client = connect();
  client.send(post("{}", "Connection: close\r\n") + post());
  EXPECT_EQ(client.read_response().headers.at("connection"), "close");
  EXPECT_TRUE(client.at_end());
  EXPECT_EQ(messages_.calls(), 1);
}

TEST_F(RequestsTest, TooManyConnections) {
  config_.limits.connections = 2;
  start();
  RawClient first = connect();
  RawClient second = connect();
  first.send(post());
  EXPECT_EQ(first.read_response().status, 200u);
  second.send(post());
  EXPECT_EQ(second.read_response().status, 200u);
  EXPECT_TRUE(connect().at_end());
  first.close();
  EXPECT_TRUE(eventually([&] {
    RawClient third = connect();
    return third.try_send(post()) && third.read_response().status == 200;
  }));
}

}  // namespace
}  // namespace tollgate
