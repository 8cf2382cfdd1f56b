// Clients that are slow, or do nothing at all.
#include <gmock/gmock.h>

#include "tests/integration/gateway/edge_testing.h"

namespace tollgate {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

class TimeoutsTest : public EdgeTest {};

TEST_F(TimeoutsTest, AHeadThatDoesNotEndIsGivenUpAsAWhole) {
  config_.timeouts.header = milliseconds(400);
  start();
  RawClient client = connect();
  client.send("POST /v1/messages HTTP/1.1\r\nHost: a\r\n");
  const auto begin = SteadyClock::now();
  // A header now and then does not help.
  for (int i = 0; i < 3; ++i) {
    client.try_send("X-A: b\r\n");
    EXPECT_TRUE(eventually([&] { return SteadyClock::now() > begin + i * milliseconds(100); }));
  }
  const RawResponse response = client.read_response();
  EXPECT_EQ(response.status, 408u);
  EXPECT_THAT(response.body, HasSubstr("timeout_error"));
  EXPECT_TRUE(client.at_end());
}

TEST_F(TimeoutsTest, AConnectionWithoutARequestIsClosedWithoutAWord) {
  config_.timeouts.header = milliseconds(200);
  start();
  EXPECT_TRUE(connect().at_end());
}

TEST_F(TimeoutsTest, AnIdleConnectionIsClosedWithoutAWord) {
  config_.timeouts.idle = milliseconds(200);
  start();
  RawClient client = connect();
  client.send(post());
  EXPECT_EQ(client.read_response().status, 200u);
  EXPECT_TRUE(client.at_end());
}

TEST_F(TimeoutsTest, ABodyThatStopsIsGivenUp) {
  config_.timeouts.body = milliseconds(200);
  start();
  for (const std::string framing : {"Content-Length: 100000\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n5\r\n{"}) {
    RawClient client = connect();
    client.send("POST /v1/messages HTTP/1.1\r\nHost: a\r\nx-api-key: k\r\n" + framing);
    EXPECT_EQ(client.read_response().status, 408u) << framing;
    EXPECT_TRUE(client.at_end()) << framing;
  }
  EXPECT_EQ(messages_.calls(), 0);
}

TEST_F(TimeoutsTest, ASlowBodyIsNotGivenUp) {
  config_.timeouts.body = milliseconds(400);
  start();
  RawClient client = connect();
  client.send("POST /v1/messages HTTP/1.1\r\nHost: a\r\nx-api-key: k\r\nContent-Length: 10\r\n\r\n");
  const auto begin = SteadyClock::now();
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(eventually([&] { return SteadyClock::now() > begin + i * milliseconds(80); }));
    client.send("x");
  }
  EXPECT_EQ(client.read_response().status, 200u);
}

TEST_F(TimeoutsTest, WaitingForTheUpstreamIsNoIdleness) {
  config_.timeouts.header = config_.timeouts.body = config_.timeouts.idle = config_.timeouts.write = milliseconds(200);
  messages_.set_script({gate(), write(head_frame("application/json")), write(data_frame("{}")), write(done_frame())});
  start();
  RawClient client = connect();
  client.send(post());
  const auto begin = SteadyClock::now();
  EXPECT_TRUE(eventually([&] { return SteadyClock::now() > begin + milliseconds(600); }));
  messages_.open_gate();
  EXPECT_EQ(client.read_response().status, 200u);
}

TEST_F(TimeoutsTest, ManySlowClientsDoNotHoldUpTheOthers) {
  config_.timeouts.header = milliseconds(1000);
  start();
  std::vector<RawClient> slow;
  for (int i = 0; i < 200; ++i) {
    slow.push_back(connect());
    slow.back().send("POST /v1/messages HTTP/1.1\r\nX-A:");
  }
  EXPECT_EQ(ask(post()).status, 200u);
  for (RawClient& client : slow)
    EXPECT_EQ(client.read_response().status, 408u);
}

}  // namespace
}  // namespace tollgate
