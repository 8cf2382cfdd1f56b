// The end of the edge: nothing new begins, what runs may finish, what does not is cut with a clear word.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "tests/integration/gateway/edge_testing.h"

namespace tollgate {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

class DrainTest : public EdgeTest {
 protected:
  void start_draining(milliseconds time) {
    drain_ = std::thread([this, time] { clean_ = edge_->drain(time); });
  }
  void finish_draining() { drain_.join(); }

  std::thread drain_;
  std::atomic<bool> clean_{false};
};

TEST_F(DrainTest, WithoutConnectionsItIsOver) {
  start();
  EXPECT_TRUE(edge_->drain(milliseconds(10'000)));
}

TEST_F(DrainTest, IdleConnectionsAreClosedAtOnce) {
  start();
  RawClient fresh = connect();
  RawClient used = connect();
  used.send(post());
  EXPECT_EQ(used.read_response().status, 200u);
  EXPECT_TRUE(edge_->drain(milliseconds(10'000)));
  EXPECT_TRUE(fresh.at_end());
  EXPECT_TRUE(used.at_end());
}

TEST_F(DrainTest, RunningRequestsFinish) {
  messages_.set_script({write(head_frame("text/event-stream")), write(data_frame("event: a\n\n")), gate(),
                        write(data_frame("event: b\n\n")), write(done_frame())});
  start();
  RawClient client = connect();
  client.send(post());
  client.read_until("event: a");
  start_draining(milliseconds(10'000));
  // Nothing new is accepted any more.
  EXPECT_TRUE(eventually([&] {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(edge_->port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool refused = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0;
    ::close(fd);
    return refused;
  }));
  messages_.open_gate();
  const RawResponse response = client.read_response();
  EXPECT_TRUE(response.complete);
  EXPECT_EQ(response.body, "event: a\n\nevent: b\n\n");
  EXPECT_TRUE(client.at_end());
  finish_draining();
  EXPECT_TRUE(clean_);
}

TEST_F(DrainTest, AnAnswerGivenWhileDrainingSaysThatItIsTheLast) {
  messages_.set_script({gate(), write(head_frame("application/json")), write(data_frame("{}")), write(done_frame())});
  start();
  RawClient client = connect();
  client.send(post());
  ASSERT_TRUE(eventually([&] { return messages_.calls() == 1; }));
  RawClient idle = connect();
  idle.send(get("/"));
  EXPECT_EQ(idle.read_response().status, 200u);
  start_draining(milliseconds(10'000));
  EXPECT_TRUE(idle.at_end());
  messages_.open_gate();
  const RawResponse response = client.read_response();
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(response.headers.at("connection"), "close");
  finish_draining();
  EXPECT_TRUE(clean_);
}

TEST_F(DrainTest, AStreamThatDoesNotEndIsEndedWithAnEvent) {
  messages_.set_script({write(head_frame("text/event-stream")), write(data_frame("event: a\n\n")), silence()});
  start();
  RawClient client = connect();
  client.send(post());
  client.read_until("event: a");
  start_draining(milliseconds(100));
  const RawResponse response = client.read_response();
  EXPECT_TRUE(response.complete);
  EXPECT_THAT(response.body, HasSubstr("event: error\ndata: {\"type\":\"error\""));
  EXPECT_THAT(response.body, HasSubstr("shutting down"));
  EXPECT_TRUE(client.at_end());
  client.close();
  finish_draining();
  EXPECT_FALSE(clean_);
  EXPECT_EQ(messages_.cancelled(), 1);
}

TEST_F(DrainTest, ARequestWithoutAnAnswerGetsOne) {
  messages_.set_script({silence()});
  start();
  RawClient client = connect();
  client.send(post());
  ASSERT_TRUE(eventually([&] { return messages_.calls() == 1; }));
  start_draining(milliseconds(100));
  const RawResponse response = client.read_response();
  EXPECT_EQ(response.status, 503u);
  EXPECT_THAT(response.body, HasSubstr("overloaded_error"));
  client.close();
  finish_draining();
  EXPECT_FALSE(clean_);
}

TEST_F(DrainTest, AClientThatDoesNotReadDoesNotHoldItUp) {
  messages_.set_script({write(head_frame("text/event-stream")), repeat(data_frame(std::string(65'536, 'x')), 3200)});
  start();
  RawClient client = connect(64 * 1024);
  client.send(post());
  ASSERT_TRUE(eventually([&] { return messages_.bytes_written() > 0; }));
  EXPECT_FALSE(edge_->drain(milliseconds(100)));
  EXPECT_EQ(messages_.cancelled() + messages_.finished(), 1);
}

// The shards may stop while connections are open: nothing is used after it is gone (seen by the sanitizer).
TEST_F(DrainTest, StoppedWithoutDraining) {
  messages_.set_script({write(head_frame("text/event-stream")), write(data_frame("event: a\n\n")), silence()});
  start();
  RawClient streaming = connect();
  streaming.send(post());
  streaming.read_until("event: a");
  RawClient idle = connect();
  RawClient halfway = connect();
  halfway.send("POST /v1/messages HTTP/1.1\r\n");
  shards_.stop();
}

}  // namespace
}  // namespace tollgate
