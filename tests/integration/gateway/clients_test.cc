// What the published clients send and need of the edge, item by item.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "services/common/telemetry/trace_context.h"
#include "tests/integration/gateway/edge_testing.h"

namespace tollgate {
namespace {

using nlohmann::json;
using testing::Contains;
using testing::Pair;

class ClientsTest : public EdgeTest {
 protected:
  // By name as written; without the trace, which the edge enters.
  std::map<std::string, std::string> headers_seen() const {
    std::map<std::string, std::string> seen;
    v1::CreateRequest request = messages_.last_request();
    remove_trace(*request.mutable_headers());
    for (const v1::Header& header : request.headers())
      seen[header.name()] = header.value();
    return seen;
  }
};

const std::string kClaudeCode =
    "Accept: application/json\r\nContent-Type: application/json\r\nUser-Agent: claude-cli/2.1.330 (external, "
    "sdk-cli)\r\n"
    "X-Claude-Code-Session-Id: 0b2c\r\nX-Stainless-Retry-Count: 0\r\nX-Stainless-Timeout: 600\r\n"
    "anthropic-beta: claude-code-20250219,per-turn-control-2026-07-01,unheard-of-2031-01-01\r\n"
    "anthropic-dangerous-direct-browser-access: true\r\nanthropic-version: 2023-06-01\r\nx-app: cli\r\n"
    "Connection: keep-alive\r\nHost: gateway\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n";

TEST_F(ClientsTest, Item1And2UnknownRolesMembersAndBetasPassUntouched) {
  start();
  const std::string body =
      R"({"model":"anthropic/claude-sonnet-4","messages":[{"role":"system","content":"x","output_config":{"effort":"high"}}],)"
      R"("context_management":{"edits":[]},"safeguards":[{}],"thinking":{"type":"adaptive"},"unheard_of":1e999})";
  const RawResponse response =
      ask("POST /api/v1/messages?beta=true HTTP/1.1\r\nAuthorization: Bearer sk-tg-v1-good\r\n" + kClaudeCode +
          "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(messages_.last_request().body(), body);
  EXPECT_THAT(headers_seen(), Contains(Pair("anthropic-beta",
                                            "claude-code-20250219,per-turn-control-2026-07-01,"
                                            "unheard-of-2031-01-01")));
  EXPECT_THAT(headers_seen(), Contains(Pair("X-Claude-Code-Session-Id", "0b2c")));
  EXPECT_THAT(headers_seen(), Contains(Pair("Accept", "application/json")));
  EXPECT_FALSE(headers_seen().contains("Accept-Encoding"));
  EXPECT_FALSE(headers_seen().contains("Authorization"));
}

TEST_F(ClientsTest, Item3And5RefusalsOfOurOwnAreFinal) {
  start();
  for (const auto kind :
       {v1::Failure::KIND_BUDGET, v1::Failure::KIND_UNAUTHENTICATED, v1::Failure::KIND_PERMISSION_DENIED}) {
    messages_.set_script({fail(make_failure(kind, "no"))});
    const RawResponse response = ask(post());
    EXPECT_THAT(response.status, testing::AnyOf(401u, 402u, 403u));
    EXPECT_EQ(response.headers.at("x-should-retry"), "false");
  }
}

TEST_F(ClientsTest, Item6BothWireGenerationsAndAnyVersion) {
  start();
  const std::string line = "POST /v1/messages HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n";
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"Authorization: Bearer sk-tg-v1-a\r\nanthropic-version: 2026-10-21\r\n", "sk-tg-v1-a"},
      {"x-api-key: sk-tg-v1-a\r\nanthropic-version: 2023-06-01\r\n", "sk-tg-v1-a"},
      {"x-api-key: sk-ant-api03\r\nAuthorization: Bearer sk-tg-v1-a\r\nanthropic-version: 1999-01-01\r\n",
       "sk-tg-v1-a"},
      {"x-api-key: sk-tg-v1-a\r\nAuthorization: Bearer something-else\r\n", "sk-tg-v1-a"},
  };
  for (const auto& [headers, key] : rows) {
    EXPECT_EQ(ask(line + headers + "\r\n{}").status, 200u) << headers;
    EXPECT_EQ(messages_.last_request().api_key(), key) << headers;
  }
  EXPECT_THAT(headers_seen(), testing::IsEmpty());
}

TEST_F(ClientsTest, Item7OneListForBothModelClients) {
  start();
  const std::string bearer = "Authorization: Bearer sk-tg-v1-good\r\n";
  const json with = json::parse(ask(get("/v1/models", bearer + "anthropic-version: 2023-06-01\r\n")).body);
  const json without = json::parse(ask(get("/v1/models", bearer)).body);
  EXPECT_EQ(with, without);
  for (const char* name : {"type", "display_name", "created_at", "name", "created", "canonical_slug", "pricing"})
    EXPECT_TRUE(with["data"][0].contains(name)) << name;
}

TEST_F(ClientsTest, Item8UpstreamWordsPassUnchanged) {
  const std::string body =
      R"({"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"},"request_id":"req_1"})";
  v1::Failure failure = make_failure(v1::Failure::KIND_CONTEXT_LENGTH, "too long");
  failure.set_body(body);
  messages_.set_script({fail(failure)});
  start();
  const RawResponse response = ask(post());
  EXPECT_EQ(response.status, 400u);
  EXPECT_EQ(response.body, body);
}

TEST_F(ClientsTest, Item9TheProbeOfAnEmptyConnection) {
  start();
  EXPECT_EQ(
      ask("HEAD /api/api/hello HTTP/1.1\r\nHost: a\r\nUser-Agent: Bun/1.4.4\r\nConnection: keep-alive\r\n\r\n").status,
      200u);
}

TEST_F(ClientsTest, Item10PingsAndEarlyHeaders) {
  messages_.set_script({write(head_frame("text/event-stream")), write(keep_alive_frame()), silence()});
  start();
  RawClient client = connect();
  client.send(post());
  client.read_until("transfer-encoding: chunked\r\n\r\n");
  client.read_until("event: ping\n");
}

TEST_F(ClientsTest, ManyCountTokensAtOnce) {
  v1::CountTokensReply reply;
  reply.mutable_head()->set_status(200);
  reply.set_body("{\"input_tokens\":1}");
  messages_.set_count_tokens(reply);
  start();
  const std::string request =
      "POST /api/v1/messages/count_tokens?beta=true HTTP/1.1\r\nHost: a\r\nx-api-key: k\r\n"
      "Content-Length: 30000\r\n\r\n" +
      std::string(30'000, 'x');
  std::vector<RawClient> clients;
  for (int i = 0; i < 12; ++i)
    clients.push_back(connect());
  for (int round = 0; round < 2; ++round) {
    for (RawClient& client : clients)
      client.send(request);
    for (RawClient& client : clients)
      EXPECT_EQ(client.read_response().body, "{\"input_tokens\":1}");
  }
}

// @openrouter/sdk sends an empty cookie header and wants integers for error codes.
TEST_F(ClientsTest, OpenRouterSdk) {
  start();
  const std::string common = "cookie:\r\nHTTP-Referer: http://a\r\nX-OpenRouter-Title: b\r\n";
  EXPECT_EQ(ask(get("/api/v1/key", common + "Authorization: Bearer sk-tg-v1-good\r\n")).status, 200u);
  const json refused = json::parse(ask(get("/api/v1/key", common + "Authorization: Bearer sk-tg-v1-no\r\n")).body);
  EXPECT_TRUE(refused["error"]["code"].is_number_integer());
}

}  // namespace
}  // namespace tollgate
