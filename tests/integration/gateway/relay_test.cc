// Responses on their way to the client: chunk by chunk, under backpressure, broken off, and with clients that go away.
#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/integration/gateway/edge_testing.h"

namespace tollgate {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

using std::chrono::milliseconds;

class RelayTest : public EdgeTest {
 protected:
  // Headers that the router gives with the head of a stream.
  static v1::Frame stream_head() {
    return head_frame("text/event-stream; charset=utf-8", {{"request-id", "req_1"}, {"x-generation-id", "gen-1"}});
  }
};

std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

TEST_F(RelayTest, TheFirstEventArrivesWhileTheRestIsStillToCome) {
  messages_.set_script({write(stream_head()), write(data_frame("event: message_start\ndata: 1\n\n")), gate(),
                        write(data_frame("event: message_stop\ndata: 2\n\n")), write(done_frame())});
  start();
  RawClient client = connect();
  client.send(post());
  client.read_until("event: message_start\ndata: 1\n\n");
  EXPECT_EQ(messages_.finished(), 0);
  EXPECT_THAT(client.buffered(), Not(HasSubstr("message_stop")));
  messages_.open_gate();
  const RawResponse response = client.read_response();
  EXPECT_TRUE(response.complete);
  EXPECT_EQ(response.headers.at("request-id"), "req_1");
  EXPECT_EQ(response.headers.at("x-generation-id"), "gen-1");
  EXPECT_EQ(response.headers.at("content-type"), "text/event-stream; charset=utf-8");
  EXPECT_EQ(response.body, "event: message_start\ndata: 1\n\nevent: message_stop\ndata: 2\n\n");
  client.send(post());
  EXPECT_TRUE(client.read_response().complete) << "the connection lives on";
}

TEST_F(RelayTest, EachFrameIsOneChunk) {
  messages_.set_script({write(stream_head()), write(data_frame("event: a\n\n")), write(data_frame("event: bb\n\n")),
                        write(done_frame())});
  start();
  RawClient client = connect();
  client.send(post("{}", "Connection: close\r\n"));
  EXPECT_THAT(client.read_all(), EndsWith("connection: close\r\ntransfer-encoding: chunked\r\n\r\n"
                                          "a\r\nevent: a\n\n\r\nb\r\nevent: bb\n\n\r\n0\r\n\r\n"));
}

TEST_F(RelayTest, ASilentStreamStaysAliveByPings) {
  messages_.set_script({write(stream_head()), write(keep_alive_frame()), gate(), write(data_frame("event: a\n\n")),
                        write(keep_alive_frame()), write(done_frame())});
  start();
  RawClient client = connect();
  client.send(post());
  client.read_until("event: ping\ndata: {\"type\": \"ping\"}\n\n");
  messages_.open_gate();
  EXPECT_EQ(client.read_response().body,
            "event: ping\ndata: {\"type\": \"ping\"}\n\nevent: a\n\nevent: ping\ndata: {\"type\": \"ping\"}\n\n");
}

TEST_F(RelayTest, AFailureBeforeTheHeadIsAnAnswer) {
  v1::Failure failure = make_failure(v1::Failure::KIND_BUDGET, "The key has spent 5 of 5 USD.");
  failure.set_generation_id("gen-7");
  messages_.set_script({fail(failure)});
  start();
  RawClient client = connect();
  client.send(post());
  const RawResponse response = client.read_response();
  EXPECT_EQ(response.status, 402u);
  EXPECT_EQ(response.headers.at("x-should-retry"), "false");
  EXPECT_EQ(response.headers.at("request-id"), "gen-7");
  EXPECT_EQ(response.headers.at("x-generation-id"), "gen-7");
  EXPECT_EQ(response.body,
            R"({"type":"error","error":{"type":"billing_error","message":"The key has spent 5 of 5 USD."},)"
            R"("request_id":"gen-7"})");
  client.send(post());
  EXPECT_EQ(client.read_response().status, 402u) << "the connection lives on";
}

TEST_F(RelayTest, AnUpstreamsErrorPassesWordForWord) {
  v1::Failure failure = make_failure(v1::Failure::KIND_RATE_LIMITED, "limited");
  failure.set_body(
      "{\"type\": \"error\",\n \"error\": {\"type\": \"rate_limit_error\", \"message\": \"slow \\u0064own\"}}");
  add_header(failure, "request-id", "req_up");
  add_header(failure, "retry-after", "7");
  add_header(failure, "anthropic-ratelimit-requests-remaining", "0");
  add_header(failure, "set-cookie", "a=b");
  messages_.set_script({fail(failure)});
  start();
  const RawResponse response = ask(post());
  EXPECT_EQ(response.status, 429u);
  EXPECT_EQ(response.body, failure.body());
  EXPECT_EQ(response.headers.at("request-id"), "req_up");
  EXPECT_EQ(response.headers.at("retry-after"), "7");
  EXPECT_EQ(response.headers.at("anthropic-ratelimit-requests-remaining"), "0");
  EXPECT_EQ(response.headers.at("content-type"), "application/json");
  EXPECT_FALSE(response.headers.contains("set-cookie"));
  EXPECT_FALSE(response.headers.contains("x-should-retry"));
}

TEST_F(RelayTest, AFailureAfterTheHeadButBeforeAByteIsStillAnAnswer) {
  messages_.set_script({write(head_frame("application/json")), write(data_frame("{\"half\":")),
                        fail(make_failure(v1::Failure::KIND_UNAVAILABLE, "gone"))});
  start();
  const RawResponse response = ask(post());
  EXPECT_EQ(response.status, 503u);
  EXPECT_THAT(response.body, HasSubstr("overloaded_error"));
}

TEST_F(RelayTest, AFailureBetweenEventsEndsTheStreamWithAnEvent) {
  messages_.set_script({write(stream_head()), write(data_frame("event: a\ndata: 1\n\n")),
                        fail(make_failure(v1::Failure::KIND_OVERLOADED, "The upstream is overloaded."))});
  start();
  RawClient client = connect();
  client.send(post());
  const RawResponse response = client.read_response();
  EXPECT_TRUE(response.complete);
  EXPECT_EQ(response.body,
            "event: a\ndata: 1\n\nevent: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\","
            "\"message\":\"The upstream is overloaded.\"},\"request_id\":\"req_1\"}\n\n");
  client.send(post());
  EXPECT_EQ(client.read_response().status, 200u) << "the connection lives on";
}

TEST_F(RelayTest, AFailureWithinAnEventCutsTheConnection) {
  messages_.set_script({write(stream_head()), write(data_frame("event: a\ndata: 1\n\nevent: b\nda", true)),
                        fail(make_failure(v1::Failure::KIND_UNAVAILABLE, "gone"))});
  start();
  RawClient client = connect();
  client.send(post());
  const RawResponse response = client.read_response();
  EXPECT_FALSE(response.complete);
  EXPECT_EQ(response.body, "event: a\ndata: 1\n\nevent: b\nda");
  EXPECT_TRUE(client.at_end());
}

TEST_F(RelayTest, AFailureWithinJsonCutsTheConnection) {
  messages_.set_script({write(head_frame("application/json")), write(data_frame("{\"a\":")), write(data_frame("1")),
                        fail(make_failure(v1::Failure::KIND_UNAVAILABLE, "gone"))});
  start();
  EXPECT_FALSE(ask(post()).complete);
}

TEST_F(RelayTest, ACallThatEndsWithoutAnEndIsAFailure) {
  messages_.set_script({write(stream_head()), write(data_frame("event: a\n\n"))});
  start();
  EXPECT_THAT(ask(post()).body, HasSubstr("event: error"));
  messages_.set_script({});
  EXPECT_EQ(ask(post()).status, 500u);
}

// Within 100 ms. The best of a few runs counts, since the machine may be busy with other things.
TEST_F(RelayTest, AClientThatGoesCancelsItsCallAtOnce) {
  start();
  const std::vector<std::vector<Step>> scripts = {
      {silence()},
      {write(stream_head()), write(data_frame("event: a\n\n")), silence()},
  };
  int cancelled = 0;
  for (const auto& script : scripts) {
    messages_.set_script(script);
    for (const bool reset : {false, true}) {
      auto best = milliseconds::max();
      for (int run = 0; run < 5; ++run) {
        const int calls = messages_.calls();
        RawClient client = connect();
        client.send(post());
        ASSERT_TRUE(eventually([&] { return messages_.calls() == calls + 1; }));
        if (script.size() > 1)
          client.read_until("event: a");
        const auto begin = SteadyClock::now();
        reset ? client.reset() : client.close();
        ++cancelled;
        ASSERT_TRUE(eventually([&] { return messages_.cancelled() == cancelled; }));
        best = std::min(best, std::chrono::duration_cast<milliseconds>(SteadyClock::now() - begin));
      }
      EXPECT_LT(best, milliseconds(100));
    }
  }
}

TEST_F(RelayTest, AHalfClosedClientCountsAsGone) {
  messages_.set_script({silence()});
  start();
  RawClient client = connect();
  client.send(post());
  ASSERT_TRUE(eventually([&] { return messages_.calls() == 1; }));
  client.shutdown_send();
  EXPECT_TRUE(eventually([&] { return messages_.cancelled() == 1; }));
  EXPECT_TRUE(client.at_end());
}

TEST_F(RelayTest, AClientThatGoesAfterTheEndCancelsNothing) {
  messages_.set_script({write(stream_head()), write(data_frame("event: a\n\n")), write(done_frame()), gate()});
  start();
  RawClient client = connect();
  client.send(post());
  EXPECT_TRUE(client.read_response().complete);
  client.close();
  // Another one, so that the edge has surely seen the first one's end.
  EXPECT_EQ(ask(get("/")).status, 200u);
  EXPECT_EQ(messages_.cancelled(), 0);
  messages_.open_gate();
  EXPECT_TRUE(eventually([&] { return messages_.finished() == 1; }));
  EXPECT_EQ(messages_.cancelled(), 0);
}

TEST_F(RelayTest, AClientThatGoesAtRandomLeavesNothingBehind) {
  messages_.set_script({write(stream_head()),
                        repeat(data_frame("event: a\ndata: " + std::string(500, 'x') + "\n\n"), 40),
                        write(done_frame())});
  start();
  for (int i = 0; i < 300; ++i) {
    RawClient client = connect();
    client.send(post());
    if (i % 3 > 0)
      client.read_until("event: a");
    i % 2 == 0 ? client.reset() : client.close();
  }
  EXPECT_TRUE(eventually([&] { return messages_.cancelled() + messages_.finished() == messages_.calls(); }));
  EXPECT_TRUE(edge_->drain(milliseconds(5000)));
}

TEST_F(RelayTest, AClientThatDoesNotReadStopsTheStream) {
  constexpr int kFrames = 3200;
  const std::string event = "event: a\ndata: " + std::string(65'519, 'x') + "\n\n";
  messages_.set_script({write(stream_head()), repeat(data_frame(event), kFrames), write(done_frame())});
  start();
  RawClient client = connect(64 * 1024);
  const std::size_t before = resident_bytes();
  client.send(post());
  // It comes to a stand when the kernel's buffers are full.
  std::uint64_t last = 0;
  ASSERT_TRUE(eventually([&] {
    const std::uint64_t now = messages_.bytes_written();
    const bool stands = now > 0 && now == std::exchange(last, now);
    ::usleep(50'000);
    return stands;
  }));
  EXPECT_LT(last, 16u * 1024 * 1024);
  EXPECT_LT(resident_bytes(), before + 16 * 1024 * 1024);
  // Another client is not held up.
  EXPECT_EQ(ask(get("/")).status, 200u);
  const RawResponse response = client.read_response();
  EXPECT_TRUE(response.complete);
  EXPECT_EQ(response.body.size(), kFrames * event.size());
  EXPECT_GT(response.body.size(), 200'000'000u);
}

TEST_F(RelayTest, AClientThatDoesNotReadIsLeftInTheEnd) {
  config_.timeouts.write = milliseconds(300);
  messages_.set_script({write(stream_head()), repeat(data_frame(std::string(65'536, 'x')), 3200), write(done_frame())});
  start();
  RawClient client = connect(64 * 1024);
  client.send(post());
  EXPECT_TRUE(eventually([&] { return messages_.finished() + messages_.cancelled() == 1; }));
  EXPECT_LT(messages_.bytes_written(), 16u * 1024 * 1024);
  EXPECT_FALSE(client.read_response().complete);
}

TEST_F(RelayTest, ASlowReaderThatReadsIsNotLeft) {
  config_.timeouts.write = milliseconds(500);
  messages_.set_script(
      {write(head_frame("application/json")), write(data_frame(std::string(20'000'000, 'x'))), write(done_frame())});
  start();
  RawClient client = connect(64 * 1024);
  client.send(post());
  // Twice as long as the timeout altogether, but never so long without a byte.
  for (int i = 0; i < 10; ++i) {
    ::usleep(100'000);
    client.read_until(std::string(static_cast<std::size_t>(i + 1) * 1'000'000, 'x'));
  }
  const RawResponse response = client.read_response();
  EXPECT_TRUE(response.complete);
  EXPECT_EQ(response.body.size(), 20'000'000u);
}

TEST_F(RelayTest, NothingOfAnUpstreamBreaksOutOfTheHeaders) {
  messages_.set_script({write(head_frame("application/json", {{"x-a", "b\r\nset-cookie: c=d"}, {"x-good", "e"}})),
                        write(data_frame("{}")), write(done_frame())});
  start();
  const RawResponse response = ask(post());
  EXPECT_FALSE(response.headers.contains("set-cookie"));
  EXPECT_FALSE(response.headers.contains("x-a"));
  EXPECT_EQ(response.headers.at("x-good"), "e");
}

TEST_F(RelayTest, CountTokens) {
  v1::CountTokensReply reply;
  reply.mutable_head()->set_status(200);
  v1::Header* header = reply.mutable_head()->add_headers();
  header->set_name("content-type");
  header->set_value("application/json");
  reply.set_body("{\"input_tokens\": 12}");
  messages_.set_count_tokens(reply);
  start();
  const std::string request =
      "POST /api/v1/messages/count_tokens?beta=true HTTP/1.1\r\nHost: a\r\nx-api-key: k\r\nContent-Length: 2\r\n\r\n{}";
  const RawResponse response = ask(request);
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(response.body, "{\"input_tokens\": 12}");
  messages_.set_count_tokens(error(v1::Failure::KIND_UNAUTHENTICATED, "no"));
  EXPECT_EQ(ask(request).status, 401u);
}

}  // namespace
}  // namespace tollgate
