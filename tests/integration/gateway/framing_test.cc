// Each request that two servers might read in two ways, raw on a socket, with a valid request of a victim behind it.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/integration/gateway/edge_testing.h"
#include "tests/unit/gateway/hostile_requests.h"

namespace tollgate {
namespace {

class FramingTest : public EdgeTest {
 protected:
  // One refusal, the end of the connection, and nobody behind the edge has seen anything.
  void expect_refused(const HostileRequest& row) {
    RawClient client = connect();
    client.try_send(row.bytes + post("{\"victim\":true}"));
    const RawResponse response = client.read_response(row.bytes.starts_with("HEAD "));
    EXPECT_EQ(response.status, row.status) << row.name;
    EXPECT_EQ(response.headers.at("connection"), "close") << row.name;
    if (!row.bytes.starts_with("HEAD ")) {
      const auto json = nlohmann::json::parse(response.body, nullptr, false);
      ASSERT_TRUE(json.is_object()) << row.name;
      EXPECT_EQ(json["type"], "error") << row.name;
      EXPECT_FALSE(json["error"]["message"].get<std::string>().empty()) << row.name;
      EXPECT_EQ(json["request_id"], response.headers.at("request-id")) << row.name;
    }
    EXPECT_EQ(client.read_all(), "") << row.name;
    EXPECT_EQ(messages_.calls(), 0) << row.name;
  }
};

TEST_F(FramingTest, HostileHeadsTakeNobodyWithThem) {
  start();
  for (const HostileRequest& row : hostile_heads())
    expect_refused(row);
}

TEST_F(FramingTest, HostileChunksTakeNobodyWithThem) {
  start();
  for (const HostileRequest& row : hostile_chunked_bodies())
    expect_refused(row);
}

// What follows a good request is judged as strictly, and the good one has its answer.
TEST_F(FramingTest, BehindAGoodRequestToo) {
  start();
  int calls = 0;
  for (const HostileRequest& row : hostile_heads()) {
    RawClient client = connect();
    client.try_send(post() + row.bytes + post());
    const RawResponse good = client.read_response();
    EXPECT_EQ(good.status, 200u) << row.name;
    const RawResponse refused = client.read_response(row.bytes.starts_with("HEAD "));
    EXPECT_EQ(refused.status, row.status) << row.name;
    EXPECT_EQ(client.read_all(), "") << row.name;
    EXPECT_EQ(messages_.calls(), ++calls) << row.name;
  }
}

TEST_F(FramingTest, ConnectionOptionsAreTakenAway) {
  start();
  const RawResponse response = ask(post("{}", "Connection: keep-alive, X-Hop\r\nX-Hop: a\r\nX-Kept: b\r\n"));
  EXPECT_EQ(response.status, 200u);
  std::string names;
  const v1::CreateRequest request = messages_.last_request();
  for (const v1::Header& header : request.headers())
    names += header.name() + ";";
  EXPECT_EQ(names, "X-Kept;traceparent;");
}

TEST_F(FramingTest, AConnectionThatOnlyClosesIsNoError) {
  start();
  connect().close();
  RawClient client = connect();
  client.send("POST /v1/mess");
  client.close();
  EXPECT_EQ(ask(post()).status, 200u);
}

}  // namespace
}  // namespace tollgate
