// Models, the caller's own key, probes and telemetry.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/integration/gateway/edge_testing.h"

namespace tollgate {
namespace {

using nlohmann::json;

class AccountTest : public EdgeTest {};

const std::string kBearer = "Authorization: Bearer sk-tg-v1-good\r\n";
const std::string kVersion = "anthropic-version: 2023-06-01\r\n";

TEST_F(AccountTest, ModelsForBothKindsOfClients) {
  start();
  for (const std::string version : {"", "anthropic-version: 2023-06-01\r\n"}) {
    const RawResponse response = ask(get("/api/v1/models?limit=1000", kBearer + version));
    ASSERT_EQ(response.status, 200u);
    EXPECT_EQ(response.headers.at("content-type"), "application/json");
    const json list = json::parse(response.body);
    EXPECT_EQ(list["data"].size(), 2u);
    EXPECT_EQ(list["has_more"], false);
    EXPECT_EQ(list["first_id"], "anthropic/claude-sonnet-4");
    EXPECT_EQ(list["last_id"], "anthropic/claude-opus-4");
    EXPECT_EQ(list["total_count"], 2);
    EXPECT_TRUE(list["links"]["next"].is_null());
  }
}

TEST_F(AccountTest, OneModelByAnyName) {
  start();
  for (const std::string id :
       {"anthropic/claude-sonnet-4", "anthropic%2Fclaude-sonnet-4", "claude-sonnet-4-20250514"}) {
    const RawResponse response = ask(get("/v1/models/" + id, kBearer));
    ASSERT_EQ(response.status, 200u) << id;
    EXPECT_EQ(json::parse(response.body)["id"], "anthropic/claude-sonnet-4");
  }
  const RawResponse unknown = ask(get("/v1/models/a%2Fb", kBearer));
  EXPECT_EQ(unknown.status, 404u);
  EXPECT_EQ(json::parse(unknown.body)["error"]["code"], 404);
  EXPECT_EQ(json::parse(ask(get("/v1/models/a", kBearer + kVersion)).body)["error"]["type"], "not_found_error");
}

TEST_F(AccountTest, HeadIsGetWithoutABody) {
  start();
  const RawResponse get_response = ask(get("/v1/models", kBearer));
  RawClient client = connect();
  client.send("HEAD /v1/models HTTP/1.1\r\nHost: a\r\n" + kBearer + "\r\n" + get("/"));
  const RawResponse head = client.read_response(true);
  EXPECT_EQ(head.status, 200u);
  EXPECT_EQ(head.headers.at("content-length"), std::to_string(get_response.body.size()));
  EXPECT_EQ(client.read_response().status, 200u) << "nothing of a body stands in between";
}

TEST_F(AccountTest, OwnKey) {
  start();
  for (const std::string path : {"/v1/key", "/v1/auth/key", "/api/v1/key", "/api/v1/auth/key"}) {
    const RawResponse response = ask(get(path, kBearer));
    ASSERT_EQ(response.status, 200u) << path;
    EXPECT_EQ(json::parse(response.body)["data"]["usage"], 1.25) << path;
  }
}

TEST_F(AccountTest, OnlyWithAKeyThatWorks) {
  start();
  for (const std::string path : {"/v1/models", "/v1/models/anthropic/claude-sonnet-4", "/v1/key", "/v1/auth/key"}) {
    for (const std::string key : {"", "Authorization: Bearer sk-tg-v1-unknown\r\n", "x-api-key: sk-tg-v1-disabled\r\n",
                                  "x-api-key: sk-tg-v1-expired\r\n"}) {
      const RawResponse account = ask(get(path, key));
      EXPECT_EQ(account.status, 401u) << path << key;
      EXPECT_EQ(account.headers.at("x-should-retry"), "false") << path << key;
      const json body = json::parse(account.body);
      EXPECT_EQ(body["error"]["code"], 401) << path << key;
      EXPECT_TRUE(body["error"]["message"].is_string()) << path << key;
      const json messages = json::parse(ask(get(path, key + kVersion)).body);
      EXPECT_EQ(messages["type"], "error") << path << key;
      EXPECT_EQ(messages["error"]["type"], "authentication_error") << path << key;
    }
  }
}

TEST_F(AccountTest, AwayIsNotUnknown) {
  start();
  const RawResponse response = ask(get("/v1/key", "Authorization: Bearer sk-tg-v1-away\r\n"));
  EXPECT_EQ(response.status, 503u);
  EXPECT_EQ(json::parse(response.body)["error"]["code"], 503);
}

TEST_F(AccountTest, ProbesNeedNoKey) {
  start();
  RawClient client = connect();
  for (const std::string path :
       {"/", "/api", "/api/hello", "/api/api/hello", "/anthropic/api/hello", "/health", "/healthz"}) {
    client.send("HEAD " + path + " HTTP/1.1\r\nHost: a\r\nUser-Agent: Bun/1.4.4\r\n\r\n");
    EXPECT_EQ(client.read_response(true).status, 200u) << path;
    client.send(get(path));
    EXPECT_EQ(client.read_response().status, 200u) << path;
  }
}

TEST_F(AccountTest, TelemetryIsTakenAndDropped) {
  start();
  RawClient client = connect();
  const std::string line = "POST /api/api/event_logging/batch HTTP/1.1\r\nHost: a\r\n";
  client.send(line + "Content-Length: 106000\r\n\r\n" + std::string(106'000, 'x'));
  const RawResponse response = client.read_response();
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(response.body, "{}");
  client.send(line + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 200u);
  client.send(line + "\r\n" + post());
  EXPECT_EQ(client.read_response().status, 200u);
  EXPECT_EQ(client.read_response().body, "{\"reply\":1}");
}

}  // namespace
}  // namespace tollgate
