// Connections that break, stall, lie or are given up.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "harness.h"

namespace tollgate::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using Kind = v1::Failure;

const std::string kAnswer = kStreamHead + chunk(kStream) + kLastChunk;

TEST(Pool, ConnectionsAreReused) {
  RawServer server([](Peer& peer, int) {
    while (!peer.read_request().empty())
      peer.send(kAnswer);
  });
  UpstreamUnderTest up(server.url());
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(up.send().ok());
  EXPECT_EQ(server.connections(), 1);
  EXPECT_EQ(up.upstream->pool().stats().opened, 1u);
  EXPECT_EQ(up.upstream->pool().stats().reused, 4u);
  EXPECT_EQ(up.upstream->pool().idle(), 1u);
}

TEST(Pool, ConnectionsThatMustCloseAreNotReused) {
  for (const std::string& answer :
       {response("200 OK", "{}", "connection: close\r\n"),
        std::string("HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\n{}"), std::string("HTTP/1.1 200 OK\r\n\r\n{}"),
        response("200 OK", "{}") + "HTTP/1.1 200 OK\r\n"}) {
    RawServer server([&](Peer& peer, int) {
      peer.read_request();
      peer.send(answer);
    });
    UpstreamUnderTest up(server.url());
    ASSERT_TRUE(up.send(false).ok()) << answer;
    EXPECT_EQ(up.upstream->pool().idle(), 0u) << answer;
  }
}

TEST(Pool, ConnectionClosedByTheServerIsNoticedBeforeUse) {
  RawServer server([](Peer& peer, int number) {
    peer.read_request();
    peer.send(kAnswer);
    if (number > 0)
      peer.read_request();
  });
  UpstreamUnderTest up(server.url());
  ASSERT_TRUE(up.send().ok());
  // The end of the server's side arrives while nobody uses the connection.
  while (up.upstream->pool().stats().opened < 2) {
    std::this_thread::sleep_for(milliseconds(1));
    ASSERT_TRUE(up.send().ok());
  }
  EXPECT_EQ(server.connections(), 2);
}

TEST(Pool, DeadConnectionIsReplacedOnce) {
  RawServer server([](Peer& peer, int number) {
    peer.read_request();
    if (number == 0) {
      peer.send(kAnswer);
      // Takes the second request and breaks before it answers.
      peer.read_request();
      return peer.reset();
    }
    peer.send(kAnswer);
    peer.read_request();
  });
  UpstreamUnderTest up(server.url());
  ASSERT_TRUE(up.send().ok());
  ASSERT_TRUE(up.send().ok());
  EXPECT_EQ(up.upstream->pool().stats().replaced, 1u);
  EXPECT_EQ(server.connections(), 2);
  EXPECT_EQ(up.sink.data(), kStream + kStream);
}

TEST(Pool, FreshConnectionIsNotReplaced) {
  for (const bool reset : {false, true}) {
    RawServer server([&](Peer& peer, int) {
      peer.read_request();
      if (reset)
        peer.reset();
    });
    UpstreamUnderTest up(server.url());
    EXPECT_EQ(up.fail().kind(), Kind::KIND_UNAVAILABLE);
    EXPECT_EQ(server.connections(), 1);
  }
}

TEST(Pool, ConnectionIsNotReplacedTwice) {
  RawServer server([](Peer& peer, int number) {
    peer.read_request();
    if (number == 0) {
      peer.send(kAnswer);
      peer.read_request();
    }
  });
  UpstreamUnderTest up(server.url());
  ASSERT_TRUE(up.send().ok());
  EXPECT_EQ(up.fail().kind(), Kind::KIND_UNAVAILABLE);
  EXPECT_EQ(server.connections(), 2);
}

TEST(Pool, ConnectionIsNotReplacedAfterTheFirstByte) {
  RawServer server([](Peer& peer, int) {
    peer.read_request();
    peer.send(kAnswer);
    peer.read_request();
    peer.send("H");
  });
  UpstreamUnderTest up(server.url());
  ASSERT_TRUE(up.send().ok());
  EXPECT_EQ(up.fail().kind(), Kind::KIND_UNAVAILABLE);
  EXPECT_EQ(server.connections(), 1);
  EXPECT_EQ(up.upstream->pool().stats().replaced, 0u);
}

TEST(Pool, RequestsBeyondTheLimitWait) {
  std::atomic<int> open{0};
  std::atomic<int> most{0};
  RawServer server([&](Peer& peer, int) {
    while (!peer.read_request().empty()) {
      most = std::max<int>(most, ++open);
      peer.send(kStreamHead + chunk(kStart));
      --open;
      peer.send(chunk(kBlock + kEnd) + kLastChunk);
    }
  });
  UpstreamUnderTest up(server.url(), [](auto& options) { options.config.max_connections = 3; });
  constexpr int kRequests = 30;
  std::vector<RecordingSink> sinks(kRequests);
  int ended = 0;
  int good = 0;
  bool done = false;
  for (RecordingSink& sink : sinks) {
    asio::co_spawn(up.shard.context, up.upstream->send(up.request, sink), [&](std::exception_ptr, absl::Status status) {
      good += status.ok();
      done = ++ended == kRequests;
    });
  }
  up.shard.run_until(done);
  EXPECT_EQ(good, kRequests);
  EXPECT_LE(server.connections(), 3);
  EXPECT_LE(most, 3);
}

TEST(Pool, WaitForAConnectionEnds) {
  RawServer server([](Peer& peer, int) {
    peer.read_request();
    peer.send(kStreamHead + chunk(kStart));
    peer.read_request();
  });
  UpstreamUnderTest up(server.url(), [](auto& options) {
    options.config.max_connections = 1;
    options.config.connect_timeout = milliseconds(100);
  });
  asio::cancellation_signal signal;
  RecordingSink first;
  bool first_done = false;
  asio::co_spawn(
      up.shard.context, up.upstream->send(up.request, first),
      asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr, absl::Status) { first_done = true; }));
  const v1::Failure failure = up.fail();
  EXPECT_EQ(failure.kind(), Kind::KIND_OVERLOADED);
  EXPECT_THAT(failure.message(), HasSubstr("upstreams.up.max_connections"));
  signal.emit(asio::cancellation_type::terminal);
  up.shard.run_until(first_done);
  // Its place is free again.
  up.sink.on_frame = [&](const v1::Frame&) { up.sink.result = absl::CancelledError("enough"); };
  EXPECT_EQ(up.send().code(), absl::StatusCode::kCancelled);
}

TEST(Faults, NobodyListens) {
  int port = 0;
  {
    RawServer gone([](Peer&, int) {});
    port = gone.port();
  }
  UpstreamUnderTest up("http://127.0.0.1:" + std::to_string(port));
  const v1::Failure failure = up.fail();
  EXPECT_EQ(failure.kind(), Kind::KIND_UNAVAILABLE);
  EXPECT_THAT(failure.message(), HasSubstr("refused"));
  EXPECT_THAT(failure.message(), HasSubstr("http://127.0.0.1:" + std::to_string(port)));
}

TEST(Faults, HostNameIsResolved) {
  RawServer server([](Peer& peer, int) {
    peer.read_request();
    peer.send(kAnswer);
  });
  UpstreamUnderTest up("http://localhost:" + std::to_string(server.port()));
  EXPECT_TRUE(up.send().ok());
}

TEST(Faults, UnknownHost) {
  // An empty label: refused without asking a name server.
  UpstreamUnderTest up("http://no..host");
  const v1::Failure failure = up.fail();
  EXPECT_THAT(failure.message(), HasSubstr("no..host"));
  EXPECT_EQ(failure.kind(), Kind::KIND_UNAVAILABLE);
}

TEST(Faults, NoFirstByte) {
  RawServer server([](Peer& peer, int) {
    peer.read_request();
    peer.wait_closed(seconds(20));
  });
  UpstreamUnderTest up(server.url(), [](auto& options) { options.config.first_byte_timeout = milliseconds(100); });
  const v1::Failure failure = up.fail();
  EXPECT_EQ(failure.kind(), Kind::KIND_TIMEOUT);
  EXPECT_THAT(failure.message(), HasSubstr("did not begin to answer within 100 ms"));
}

TEST(Faults, InterimResponsesDoNotProlongTheWait) {
  RawServer server([](Peer& peer, int) {
    peer.read_request();
    while (!peer.wait_closed(milliseconds(20)))
      peer.send("HTTP/1.1 102 Processing\r\n\r\n");
  });
  UpstreamUnderTest up(server.url(), [](auto& options) { options.config.first_byte_timeout = milliseconds(100); });
  EXPECT_EQ(up.fail().kind(), Kind::KIND_TIMEOUT);
}

TEST(Faults, TooManyInterimResponses) {
  RawServer server([](Peer& peer, int) {
    peer.read_request();
    for (int i = 0; i < 100; ++i)
      peer.send("HTTP/1.1 102 Processing\r\n\r\n");
    peer.wait_closed(seconds(20));
  });
  UpstreamUnderTest up(server.url());
  EXPECT_EQ(up.fail().kind(), Kind::KIND_UNAVAILABLE);
}

TEST(Faults, SilenceWithinAResponse) {
  for (const std::string& begin : {kStreamHead, kStreamHead + chunk(kStart + kBlock + kDelta.substr(0, 9)),
                                   std::string("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")}) {
    RawServer server([&](Peer& peer, int) {
      peer.read_request();
      peer.send(begin);
      peer.wait_closed(seconds(20));
    });
    UpstreamUnderTest up(server.url(), [](auto& options) {
      options.config.idle_timeout = milliseconds(150);
      options.ping = milliseconds(40);
    });
    const v1::Failure failure = up.fail();
    EXPECT_EQ(failure.kind(), Kind::KIND_TIMEOUT) << failure.message();
    EXPECT_THAT(failure.message(), HasSubstr("fell silent for 150 ms"));
  }
}

TEST(Faults, SlowBytesAreNoSilence) {
  RawServer server([&](Peer& peer, int) {
    peer.read_request();
    peer.send(kStreamHead);
    for (std::size_t at = 0; at < kStream.size(); at += kStream.size() / 10) {
      peer.send(chunk(std::string_view(kStream).substr(at, kStream.size() / 10)));
      peer.wait_closed(milliseconds(50));
    }
    peer.send(kLastChunk);
  });
  UpstreamUnderTest up(server.url(), [](auto& options) { options.config.idle_timeout = milliseconds(400); });
  EXPECT_TRUE(up.send().ok());
  EXPECT_EQ(up.sink.data(), kStream);
}

TEST(Faults, ResponseCutShort) {
  struct Case {
    std::string sent;
    std::string data;
    bool reset;
  };
  const std::string length = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 100000\r\n\r\n";
  const std::string until_close = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
  for (const Case& c : std::vector<Case>{
           {kStreamHead + chunk(kStart + kBlock + kDelta.substr(0, 30)), kStart + kBlock, false},
           {kStreamHead + chunk(kStart + kBlock).substr(0, kStart.size() + 20), kStart, false},
           {length + kStart + kBlock + kDelta, kStart + kBlock + kDelta, false},
           {until_close + kStart + kBlock + "event: message_st", kStart + kBlock, false},
           {kStreamHead + chunk(kStart + kBlock) + kLastChunk, kStart + kBlock, false},
           {kStreamHead + chunk(kStart) + "zz\r\n", kStart, false},
           {kStreamHead + chunk(kStart) + "5\r\n1234567\r\n", kStart, false},
           {kStreamHead, "", true},
           {"HTTP/1.1 200 OK\r\ncontent-", "", false},
           {"", "", false},
       }) {
    RawServer server([&](Peer& peer, int) {
      peer.read_request();
      peer.send(c.sent);
      if (c.reset)
        peer.reset();
    });
    UpstreamUnderTest up(server.url());
    const v1::Failure failure = up.fail();
    EXPECT_EQ(failure.kind(), Kind::KIND_UNAVAILABLE) << c.sent;
    EXPECT_EQ(failure.http_status(), 502u) << c.sent;
    EXPECT_EQ(up.sink.data(), c.data) << c.sent;
    EXPECT_EQ(up.upstream->pool().idle(), c.sent.ends_with(kLastChunk) ? 1u : 0u) << c.sent;
  }
}

TEST(Faults, MalformedResponses) {
  for (const std::string& answer : std::vector<std::string>{
           "SSH-2.0-OpenSSH\r\n\r\n",
           "HTTP/2 200\r\n\r\n",
           "HTTP/1.1 abc OK\r\n\r\n",
           "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
           "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}",
           "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
           "HTTP/1.1 200 OK\r\ntransfer-encoding: xchunked\r\n\r\n{}",
           "HTTP/1.1 101 Switching Protocols\r\n\r\n",
           "HTTP/1.1 200 OK\r\nx: " + std::string(100 * 1024, 'h') + "\r\n\r\n{}",
           "HTTP/1.1 200 OK\r\nno colon\r\n\r\n{}",
       }) {
    RawServer server([&](Peer& peer, int) {
      peer.read_request();
      peer.send(answer);
    });
    UpstreamUnderTest up(server.url());
    const v1::Failure failure = up.fail(false);
    EXPECT_EQ(failure.kind(), Kind::KIND_UNAVAILABLE) << answer.substr(0, 100);
    EXPECT_EQ(failure.http_status(), 502u) << answer.substr(0, 100);
    EXPECT_EQ(up.upstream->pool().idle(), 0u);
  }
}

TEST(Faults, RefusalBeforeTheBodyIsRead) {
  const std::string body = R"({"type":"error","error":{"type":"request_too_large","message":"too large"}})";
  RawServer server([&](Peer& peer, int) {
    // Answers without reading the body; then reads on, so that the answer is not lost in a reset.
    peer.send(response("413 Payload Too Large", body, "content-type: application/json\r\n"));
    peer.read_request();
  });
  UpstreamUnderTest up(server.url());
  up.request.set_body(R"({"x":")" + std::string(8 << 20, 'x') + "\"}");
  const v1::Failure failure = up.fail();
  EXPECT_EQ(failure.kind(), Kind::KIND_TOO_LARGE);
  EXPECT_EQ(failure.body(), body);
}

TEST(Cancellation, ClosesTheConnectionAtOnce) {
  // Cancelled in each phase: before the head, between events, while the sink holds a frame.
  for (const std::string phase : {"head", "events", "sink"}) {
    std::promise<void> cancelled;
    std::future<void> when = cancelled.get_future();
    std::promise<void> reached;
    std::future<void> ready = reached.get_future();
    std::promise<milliseconds> noticed;
    RawServer server([&](Peer& peer, int) {
      peer.read_request();
      if (phase != "head")
        peer.send(kStreamHead + chunk(kStart));
      else
        reached.set_value();
      when.wait();
      const auto begin = SteadyClock::now();
      EXPECT_TRUE(peer.wait_closed(seconds(10))) << phase;
      noticed.set_value(std::chrono::duration_cast<milliseconds>(SteadyClock::now() - begin));
    });
    struct HoldingSink : FrameSink {
      HoldingSink(asio::io_context& context, bool hold_frames, std::promise<void>* when_data)
          : gate(context, SteadyClock::time_point::max()), hold(hold_frames), data(when_data) {}
      Awaitable<absl::Status> write(v1::Frame frame) override {
        if (frame.kind_case() == v1::Frame::kData) {
          data->set_value();
          if (hold)
            co_await gate.async_wait(use_awaitable);
        }
        co_return absl::OkStatus();
      }
      Timer gate;
      bool hold;
      std::promise<void>* data;
    };
    UpstreamUnderTest up(server.url());
    HoldingSink sink(up.shard.context, phase == "sink", &reached);
    asio::cancellation_signal signal;
    bool done = false;
    std::exception_ptr thrown;
    asio::co_spawn(up.shard.context, up.upstream->send(up.request, sink),
                   asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr exception, absl::Status) {
                     thrown = exception;
                     done = true;
                   }));
    while (ready.wait_for(seconds(0)) != std::future_status::ready)
      up.shard.context.run_for(milliseconds(5));
    up.shard.context.restart();
    up.shard.context.poll();
    signal.emit(asio::cancellation_type::terminal);
    cancelled.set_value();
    up.shard.run_until(done);
    EXPECT_TRUE(thrown) << phase;
    EXPECT_LT(noticed.get_future().get(), milliseconds(100)) << phase;
    EXPECT_EQ(up.upstream->pool().idle(), 0u) << phase;
  }
}

TEST(Cancellation, OfARequestThatWaitsForAConnection) {
  RawServer server([](Peer& peer, int) {
    peer.read_request();
    peer.send(kStreamHead + chunk(kStart));
    peer.read_request();
  });
  UpstreamUnderTest up(server.url(), [](auto& options) { options.config.max_connections = 1; });
  asio::cancellation_signal signals[3];
  RecordingSink sinks[3];
  int ended = 0;
  bool done = false;
  for (int i = 0; i < 3; ++i) {
    asio::co_spawn(up.shard.context, up.upstream->send(up.request, sinks[i]),
                   asio::bind_cancellation_slot(signals[i].slot(), [&](std::exception_ptr exception, absl::Status) {
                     EXPECT_TRUE(exception);
                     done = ++ended == 3;
                   }));
  }
  while (sinks[0].frames.size() < 2) {
    up.shard.context.restart();
    up.shard.context.run_one();
  }
  EXPECT_EQ(server.connections(), 1);
  // The one in the middle of the queue, then the one that holds the place: the last one gets it.
  signals[1].emit(asio::cancellation_type::terminal);
  signals[0].emit(asio::cancellation_type::terminal);
  while (sinks[2].frames.empty()) {
    up.shard.context.restart();
    up.shard.context.run_one();
  }
  signals[2].emit(asio::cancellation_type::terminal);
  up.shard.run_until(done);
  EXPECT_EQ(server.connections(), 2);
}

TEST(KeepAlive, ComesWhileTheUpstreamIsAlive) {
  std::promise<void> enough;
  std::future<void> go_on = enough.get_future();
  RawServer server([&](Peer& peer, int) {
    peer.read_request();
    // Silence in the middle of an event that is held: for the client that is between two events.
    peer.send(kStreamHead + chunk(kStart + kBlock.substr(0, 25)));
    go_on.wait();
    peer.send(chunk(kBlock.substr(25) + kDelta + kEnd) + kLastChunk);
  });
  // The kernel's probe comes after a second of silence, the shortest there is.
  UpstreamUnderTest up(server.url(), [](auto& options) { options.ping = milliseconds(1000); });
  int pings = 0;
  up.sink.on_frame = [&](const v1::Frame& frame) {
    if (frame.has_keep_alive() && ++pings == 4)
      enough.set_value();
  };
  ASSERT_TRUE(up.send().ok());
  EXPECT_EQ(up.sink.data(), kStream);
  EXPECT_EQ(up.sink.order(), "HUDKKKKUCDN");
}

TEST(KeepAlive, DoesNotComeForAnUpstreamThatIsNotHeardOf) {
  RawServer server([](Peer& peer, int) {
    peer.read_request();
    peer.send(kStreamHead + chunk(kStart));
    peer.wait_closed(seconds(20));
  });
  // Far shorter than the second after which the kernel probes: nothing is heard in between.
  UpstreamUnderTest up(server.url(), [](auto& options) {
    options.ping = milliseconds(40);
    options.config.idle_timeout = milliseconds(800);
  });
  EXPECT_EQ(up.fail().kind(), Kind::KIND_TIMEOUT);
  const std::string order = up.sink.order();
  // Twenty would have come otherwise; two follow the last byte.
  EXPECT_LE(std::count(order.begin(), order.end(), 'K'), 6) << order;
}

TEST(KeepAlive, DoesNotComeWithinAnEvent) {
  const std::string huge = event("content_block_delta", std::string(300 * 1024, 'x'));
  std::promise<void> parted;
  std::future<void> when = parted.get_future();
  RawServer server([&](Peer& peer, int) {
    peer.read_request();
    peer.send(kStreamHead + chunk(kStart + kBlock + huge.substr(0, 290 * 1024)));
    when.wait();
    peer.wait_closed(milliseconds(150));
    peer.send(chunk(huge.substr(290 * 1024) + kEnd) + kLastChunk);
  });
  UpstreamUnderTest up(server.url(), [](auto& options) { options.ping = milliseconds(50); });
  bool told = false;
  bool within = false;
  up.sink.on_frame = [&](const v1::Frame& frame) {
    EXPECT_FALSE(within && frame.has_keep_alive());
    if (frame.kind_case() == v1::Frame::kData)
      within = frame.mid_event();
    if (within && !std::exchange(told, true))
      parted.set_value();
  };
  ASSERT_TRUE(up.send().ok());
  EXPECT_TRUE(told);
  EXPECT_EQ(up.sink.data(), kStart + kBlock + huge + kEnd);
}

}  // namespace
}  // namespace tollgate::test
