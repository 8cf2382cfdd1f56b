// What passes between the sink and the upstream's socket, byte for byte.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "harness.h"
#include "services/provider_adapter/adapter.h"

namespace tollgate::test {
namespace {

using ::testing::HasSubstr;
using Kind = v1::Failure;

// Answers each request of a connection with the same bytes.
RawServer::Script always(std::string answer) {
  return [answer](Peer& peer, int) {
    while (!peer.read_request().empty())
      peer.send(answer);
  };
}

TEST(Relay, RequestIsTheBodyWithItsEdits) {
  std::promise<std::string> received;
  RawServer server([&](Peer& peer, int) {
    received.set_value(peer.read_request());
    peer.send(kStreamHead + chunk(kStream) + kLastChunk);
  });
  UpstreamUnderTest up(server.url() + "/api");
  const std::string body =
      R"({ "model" : "alias", "big":")" + std::string(3 << 20, 'x') + R"(", "provider":{} , "n":1e0})";
  up.request.set_body(body);
  const auto edit = [&](std::string_view what, std::string_view by) {
    v1::Edit& e = *up.request.add_edits();
    e.set_offset(body.find(what));
    e.set_length(what.size());
    e.set_replacement(std::string(by));
  };
  edit("\"alias\"", "\"claude-x\"");
  edit(R"("provider":{} , )", "");
  v1::Header& header = *up.request.add_headers();
  header.set_name("Anthropic-Beta");
  header.set_value("some-beta");
  ASSERT_TRUE(up.send().ok());
  std::string expected = body;
  expected.replace(expected.find(R"("provider":{} , )"), 16, "");
  expected.replace(expected.find("\"alias\""), 7, "\"claude-x\"");
  const std::string request = received.get_future().get();
  EXPECT_EQ(request,
            "POST /api/v1/messages?beta=true HTTP/1.1\r\nhost: 127.0.0.1:" + std::to_string(server.port()) +
                "\r\nAnthropic-Beta: some-beta\r\nanthropic-version: 2023-06-01\r\naccept-encoding: identity\r\n"
                "x-api-key: secret\r\ncontent-type: application/json\r\ncontent-length: " +
                std::to_string(expected.size()) + "\r\n\r\n" + expected);
}

TEST(Relay, StreamPassesWhole) {
  RawServer server(always(kStreamHead + chunk(kStream) + kLastChunk));
  UpstreamUnderTest up(server.url());
  ASSERT_TRUE(up.send().ok());
  EXPECT_EQ(up.sink.data(), kStream);
  EXPECT_EQ(up.sink.order(), "HUCDN");
  ASSERT_TRUE(up.sink.done());
  EXPECT_EQ(up.sink.done()->usage().output_tokens(), 42);
  EXPECT_TRUE(up.sink.done()->usage().final());
  EXPECT_EQ(up.sink.done()->generation_id(), "gen-1");
  EXPECT_FALSE(up.sink.done()->errored());
  const v1::Head& head = up.sink.frames[0].head();
  EXPECT_EQ(head.status(), 200u);
  ASSERT_EQ(head.headers_size(), 2);
  EXPECT_EQ(head.headers(0).value(), "text/event-stream; charset=utf-8");
  EXPECT_EQ(head.headers(1).name(), "request-id");
}

TEST(Relay, SameBytesForAnyFramingOfTheResponse) {
  const std::string plain_head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";
  std::string byte_chunks;
  for (const char c : kStream)
    byte_chunks += chunk(std::string(1, c));
  const std::vector<std::pair<std::string, std::string>> framings = {
      {"one chunk", kStreamHead + chunk(kStream) + kLastChunk},
      {"chunks of a byte", kStreamHead + byte_chunks + kLastChunk},
      {"chunk extensions", kStreamHead + chunk(kStream, ";name=\"value\"") + "0;last\r\n\r\n"},
      {"trailers", kStreamHead + chunk(kStream) + "0\r\nx-trailer: 1\r\n\r\n"},
      {"content-length", response("200 OK", kStream, "content-type: text/event-stream\r\n")},
      {"until close", plain_head + "connection: close\r\n\r\n" + kStream},
      {"interim responses", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" +
                                kStreamHead + chunk(kStream) + kLastChunk},
  };
  for (const auto& [name, answer] : framings) {
    // One write, and one write a byte.
    for (const bool bytewise : {false, true}) {
      RawServer server([&](Peer& peer, int) {
        peer.read_request();
        if (!bytewise)
          return peer.send(answer);
        for (const char& c : answer)
          peer.send(std::string_view(&c, 1));
      });
      UpstreamUnderTest up(server.url());
      ASSERT_TRUE(up.send().ok()) << name;
      EXPECT_EQ(up.sink.data(), kStream) << name;
      EXPECT_EQ(up.sink.done()->usage().output_tokens(), 42) << name;
      for (const v1::Frame& frame : up.sink.frames) {
        if (frame.kind_case() == v1::Frame::kData) {
          EXPECT_TRUE(frame.data().ends_with("\n\n")) << name << frame.data();
        }
      }
    }
  }
}

TEST(Relay, FirstEventArrivesWhileTheUpstreamIsSilent) {
  std::promise<void> seen;
  std::future<void> go_on = seen.get_future();
  RawServer server([&](Peer& peer, int) {
    peer.read_request();
    peer.send(kStreamHead + chunk(kStart + kBlock.substr(0, 20)));
    go_on.wait();
    peer.send(chunk(kBlock.substr(20) + kDelta + kEnd) + kLastChunk);
  });
  UpstreamUnderTest up(server.url());
  up.sink.on_frame = [&](const v1::Frame& frame) {
    if (frame.data() == kStart)
      seen.set_value();
  };
  ASSERT_TRUE(up.send().ok());
  EXPECT_EQ(up.sink.order(), "HUDUCDN");
  EXPECT_EQ(up.sink.data(), kStream);
}

TEST(Relay, HeadGoesOutBeforeTheFirstEvent) {
  std::promise<void> seen;
  std::future<void> go_on = seen.get_future();
  RawServer server([&](Peer& peer, int) {
    peer.read_request();
    peer.send(kStreamHead);
    go_on.wait();
    peer.send(chunk(kStream) + kLastChunk);
  });
  UpstreamUnderTest up(server.url());
  up.sink.on_frame = [&](const v1::Frame& frame) {
    if (frame.has_head())
      seen.set_value();
  };
  EXPECT_TRUE(up.send().ok());
}

TEST(Relay, WholeMessage) {
  const std::string message = R"( {"id":"m","content":[],"usage":{"input_tokens":3,"output_tokens":7.0e0,"x":1}})";
  for (const bool stream : {false, true}) {
    RawServer server(always(response("200 OK", message, "content-type: application/json\r\nrequest-id: r\r\n")));
    UpstreamUnderTest up(server.url());
    ASSERT_TRUE(up.send(stream).ok());
    EXPECT_EQ(up.sink.order(), "HUCDN");
    EXPECT_EQ(up.sink.data(), message);
    EXPECT_EQ(up.sink.done()->usage().input_tokens(), 3);
    EXPECT_TRUE(up.sink.done()->usage().final());
    EXPECT_EQ(up.sink.frames[3].estimated_output_tokens(), 0u);
  }
}

TEST(Relay, AWholeMessageWithoutUsageIsEstimated) {
  const std::string message = R"({"id":"m","content":[{"type":"text","text":"0123456789"}]})";
  RawServer server(always(response("200 OK", message, "content-type: application/json\r\n")));
  UpstreamUnderTest up(server.url());
  ASSERT_TRUE(up.send(false).ok());
  EXPECT_EQ(up.sink.order(), "HCDN");
  EXPECT_FALSE(up.sink.done()->usage().final());
  EXPECT_EQ(up.sink.frames[2].estimated_output_tokens(), message.size() / 4);
}

TEST(Relay, LargeWholeMessage) {
  const std::string message =
      R"({"content":[{"text":")" + std::string(5 << 20, 'y') + R"("}],"usage":{"output_tokens":7}})";
  RawServer server(always(response("200 OK", message, "content-type: application/json\r\n")));
  UpstreamUnderTest up(server.url());
  ASSERT_TRUE(up.send(false).ok());
  EXPECT_EQ(up.sink.data(), message);

  UpstreamUnderTest limited(server.url(), [](auto& options) { options.response_bytes = 1 << 20; });
  EXPECT_THAT(limited.fail(false).message(), HasSubstr("limits.response_bytes"));
  EXPECT_TRUE(limited.sink.frames.empty());
}

TEST(Relay, NotAMessage) {
  struct Case {
    std::string status, headers, body, says;
  };
  for (const Case& c : std::vector<Case>{
           {"200 OK", "content-type: text/html\r\n", "<html>Log in</html>", "text/html"},
           {"200 OK", "content-type: application/json\r\n", "[1]", "application/json"},
           {"200 OK", "content-type: application/json\r\n", R"({"id":"m")", "application/json"},
           {"200 OK", "", "", "no stated type"},
           {"200 OK", "content-type: application/json\r\ncontent-encoding: gzip\r\n", "\x1f\x8b", "gzip"},
           {"200 OK", "content-type: text/event-stream\r\ncontent-encoding: br\r\n", "x", "br"},
           {"302 Found", "location: https://elsewhere/\r\n", "", "https://elsewhere/"},
           {"308 Permanent Redirect", "location: /v2\r\n", "", "Redirects are not followed"},
           {"200 OK", "content-type: text/event-stream\r\n", "", "ended early"},
           {"200 OK", "content-type: text/event-stream\r\n", "<html></html>", "ended early"},
           {"200 OK", "content-type: text/event-stream\r\n", "event: message_start\ndata: <html>\n\n", "not the API's"},
       }) {
    for (const bool stream : {false, true}) {
      RawServer server(always(response(c.status, c.body, c.headers)));
      UpstreamUnderTest up(server.url());
      const v1::Failure failure = up.fail(stream);
      EXPECT_EQ(failure.kind(), Kind::KIND_UNAVAILABLE) << c.body;
      EXPECT_EQ(failure.http_status(), 502u) << c.body;
      EXPECT_EQ(failure.error_type(), "api_error");
      EXPECT_EQ(failure.upstream(), "up");
      EXPECT_EQ(failure.generation_id(), "gen-1");
      EXPECT_EQ(failure.body(), "");
      EXPECT_THAT(failure.message(), HasSubstr(c.says));
    }
  }
}

TEST(Relay, ErrorsPassUntouched) {
  const std::string body =
      R"({ "type":"error", "error":{"type":"overloaded_error","message":"Over\u006coaded"},"request_id":"r"})";
  RawServer server(always(response(
      "529 Overloaded", body, "content-type: application/json\r\nretry-after: 7\r\nrequest-id: r\r\nserver: x\r\n")));
  UpstreamUnderTest up(server.url());
  const v1::Failure failure = up.fail();
  EXPECT_EQ(failure.kind(), Kind::KIND_OVERLOADED);
  EXPECT_EQ(failure.http_status(), 529u);
  EXPECT_EQ(failure.body(), body);
  EXPECT_EQ(failure.retry_after_ms(), 7000u);
  ASSERT_EQ(failure.headers_size(), 2);
  EXPECT_EQ(failure.headers(0).name(), "retry-after");
  EXPECT_EQ(failure.headers(1).name(), "request-id");
  EXPECT_TRUE(up.sink.frames.empty());
  // Read to its end, so the connection serves again.
  up.fail();
  EXPECT_EQ(server.connections(), 1);
}

TEST(Relay, HtmlErrorBecomesTheApis) {
  RawServer server(always(response("500 Internal Server Error", "<html>nginx</html>", "content-type: text/html\r\n")));
  UpstreamUnderTest up(server.url());
  const v1::Failure failure = up.fail();
  EXPECT_EQ(failure.kind(), Kind::KIND_UNAVAILABLE);
  EXPECT_EQ(failure.http_status(), 500u);
  EXPECT_EQ(failure.error_type(), "api_error");
  EXPECT_EQ(failure.body(), "");
  EXPECT_THAT(failure.message(), HasSubstr("text/html"));
}

TEST(Relay, ErrorBodyBeyondItsLimitIsNotKept) {
  RawServer server(
      always(response("503 Busy", std::string(200 * 1024, ' ') + "{}", "content-type: application/json\r\n")));
  UpstreamUnderTest up(server.url());
  const v1::Failure failure = up.fail();
  EXPECT_EQ(failure.http_status(), 503u);
  EXPECT_EQ(failure.body(), "");
}

TEST(Relay, ErrorEventBeforeContentIsAFailure) {
  const std::string error = R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})";
  RawServer server(always(kStreamHead + chunk(kStart + event("error", error)) + kLastChunk));
  UpstreamUnderTest up(server.url());
  const v1::Failure failure = up.fail();
  EXPECT_EQ(failure.kind(), Kind::KIND_OVERLOADED);
  EXPECT_EQ(failure.http_status(), 529u);
  EXPECT_EQ(failure.body(), error);
  EXPECT_EQ(up.sink.order(), "H");
}

TEST(Relay, ErrorEventAfterContentPasses) {
  const std::string stream =
      kStart + kBlock +
      event("error", R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})");
  RawServer server(always(kStreamHead + chunk(stream) + kLastChunk));
  UpstreamUnderTest up(server.url());
  ASSERT_TRUE(up.send().ok());
  EXPECT_EQ(up.sink.data(), stream);
  ASSERT_TRUE(up.sink.done());
  EXPECT_TRUE(up.sink.done()->errored());
}

TEST(Relay, EndOfTheBodyNeedNotComeAfterMessageStop) {
  RawServer server([](Peer& peer, int number) {
    peer.read_request();
    peer.send(kStreamHead + chunk(kStream));
    if (number == 0)
      return peer.reset();
    peer.read_request();
  });
  UpstreamUnderTest up(server.url());
  EXPECT_TRUE(up.send().ok());
  EXPECT_TRUE(up.send().ok());
  EXPECT_EQ(server.connections(), 2);
}

TEST(Relay, SinkThatGivesUpEndsTheRequest) {
  std::promise<bool> closed;
  RawServer server([&](Peer& peer, int) {
    peer.read_request();
    peer.send(kStreamHead + chunk(kStart));
    closed.set_value(peer.wait_closed(std::chrono::seconds(10)));
  });
  UpstreamUnderTest up(server.url());
  up.sink.on_frame = [&](const v1::Frame& frame) {
    if (frame.kind_case() == v1::Frame::kData)
      up.sink.result = absl::CancelledError("gone");
  };
  EXPECT_EQ(up.send().code(), absl::StatusCode::kCancelled);
  EXPECT_TRUE(closed.get_future().get());
}

TEST(Relay, SinkThatDoesNotReturnStopsTheReading) {
  constexpr std::size_t kEvents = 20000;
  std::string big;
  for (std::size_t i = 0; i < kEvents; ++i)
    big += event("content_block_delta", R"({"type":"content_block_delta","text":")" + std::string(2000, 'z') + "\"}");
  std::promise<std::size_t> blocked_at;
  RawServer server([&](Peer& peer, int) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n" + kStart + kBlock);
    const std::size_t sent = peer.send_until_blocked(big, std::chrono::milliseconds(300));
    blocked_at.set_value(sent);
    peer.send(std::string_view(big).substr(sent));
    peer.send(kEnd);
  });

  // Blocks within its third frame until it is let go.
  struct SlowSink : FrameSink {
    explicit SlowSink(asio::io_context& context) : gate(context, SteadyClock::time_point::max()) {}
    Awaitable<absl::Status> write(v1::Frame frame) override {
      size += frame.data().size();
      if (++frames == 3)
        co_await gate.async_wait(as_tuple);
      co_return absl::OkStatus();
    }
    Timer gate;
    int frames = 0;
    std::size_t size = 0;
  };
  UpstreamUnderTest up(server.url());
  SlowSink sink(up.shard.context);
  bool done = false;
  absl::Status status;
  asio::co_spawn(up.shard.context, up.upstream->send(up.request, sink), [&](std::exception_ptr, absl::Status result) {
    status = result;
    done = true;
  });
  auto sent = blocked_at.get_future();
  while (sent.wait_for(std::chrono::seconds(0)) != std::future_status::ready)
    up.shard.context.run_for(std::chrono::milliseconds(10));
  const std::size_t stuck = sent.get();
  EXPECT_LT(stuck, big.size());
  EXPECT_LE(sink.size, 64u * 1024);
  sink.gate.cancel();
  up.shard.run_until(done);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(sink.size, kStart.size() + kBlock.size() + big.size() + kEnd.size());
}

TEST(Relay, CountTokens) {
  std::promise<std::string> received;
  RawServer server([&](Peer& peer, int) {
    received.set_value(peer.read_request());
    peer.send(response("200 OK", R"({"input_tokens": 12})", "content-type: application/json\r\nrequest-id: r\r\n"));
  });
  UpstreamUnderTest up(server.url());
  const auto reply = up.shard.run(up.upstream->count_tokens(up.request));
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->body(), R"({"input_tokens": 12})");
  EXPECT_EQ(reply->head().status(), 200u);
  ASSERT_EQ(reply->head().headers_size(), 3);
  EXPECT_EQ(reply->head().headers(2).name(), "x-tollgate-token-count");
  EXPECT_EQ(reply->head().headers(2).value(), "upstream");
  EXPECT_THAT(received.get_future().get(), ::testing::StartsWith("POST /v1/messages/count_tokens HTTP/1.1\r\n"));
}

// Who imitates the API need not count.
TEST(Relay, CountTokensWhereThereIsNoSuchCall) {
  for (const char* status : {"404 Not Found", "405 Method Not Allowed", "501 Not Implemented"}) {
    RawServer server([&](Peer& peer, int) {
      peer.read_request();
      peer.send(response(status, R"({"detail":"Not Found"})", "content-type: application/json\r\n"));
    });
    UpstreamUnderTest up(server.url());
    up.request.set_body(R"({"model":"m","messages":[{"role":"user","content":"twelve bytes"}]})");
    const auto reply = up.shard.run(up.upstream->count_tokens(up.request));
    ASSERT_TRUE(reply.ok()) << reply.status();
    EXPECT_EQ(reply->body(), R"({"input_tokens":7})");
    EXPECT_EQ(reply->head().headers(1).value(), "estimate");
  }
  // The API's own refusal is the answer.
  RawServer server([&](Peer& peer, int) {
    peer.read_request();
    peer.send(response("404 Not Found", R"({"type":"error","error":{"type":"not_found_error","message":"model: m"}})"));
  });
  UpstreamUnderTest up(server.url());
  up.request.set_body(R"({"model":"m","messages":[{"role":"user","content":"x"}]})");
  EXPECT_FALSE(up.shard.run(up.upstream->count_tokens(up.request)).ok());
}

TEST(Relay, Probe) {
  struct Case {
    std::string answer;
    bool ok;
    std::string says;
  };
  const std::string refused =
      R"({"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}})";
  for (const Case& c : std::vector<Case>{
           {response("200 OK", R"({"data":[]})"), true, "credentials accepted"},
           {response("404 Not Found", ""), true, "lists no models"},
           {response("401 Unauthorized", refused), false, "credentials refused"},
           {response("200 OK", "<html>"), false, "instead of the API's JSON"},
           {response("529 Overloaded", "{}"), false, "529"},
           {"nonsense\r\n\r\n", false, "malformed"},
       }) {
    RawServer server([&](Peer& peer, int) {
      EXPECT_THAT(peer.read_request(), ::testing::StartsWith("GET /v1/models?limit=1 HTTP/1.1\r\n"));
      peer.send(c.answer);
    });
    UpstreamUnderTest up(server.url());
    const v1::ProbeRequest request;
    const auto reply = up.shard.run(up.upstream->probe(request));
    EXPECT_EQ(reply.ok(), c.ok) << c.says;
    EXPECT_THAT(reply.ok() ? reply->detail() : std::string(reply.status().message()), HasSubstr(c.says));
  }
}

TEST(Relay, AdapterFindsTheUpstream) {
  RawServer one(always(response("200 OK", R"({"id":"one"})")));
  RawServer two(always(response("200 OK", R"({"id":"two"})")));
  Config config;
  config.upstreams["one"].url = one.url();
  config.upstreams["two"].url = two.url();
  Shard shard;
  const auto adapter = Adapter::make(shard.context, shard.deadlines, config);
  ASSERT_TRUE(adapter.ok()) << adapter.status();
  v1::SendRequest request = UpstreamUnderTest::default_request();
  RecordingSink sink;
  request.set_upstream("two");
  EXPECT_TRUE(shard.run((*adapter)->send(request, sink)).ok());
  EXPECT_EQ(sink.data(), R"({"id":"two"})");
  request.set_upstream("three");
  const absl::Status unknown = shard.run((*adapter)->send(request, sink));
  EXPECT_EQ(failure_of(unknown).kind(), Kind::KIND_NOT_FOUND);
  EXPECT_THAT(failure_of(unknown).message(), HasSubstr("one, two"));
}

TEST(Relay, AdapterTellsAllThatIsWrong) {
  Config config;
  config.upstreams["a"].url = "ftp://x";
  config.upstreams["b"].dialect = "esperanto";
  config.upstreams["c"].url = "https://x";
  config.upstreams["c"].ca_file = "/does/not/exist";
  config.upstreams["d"].url = "http://x";
  config.upstreams["d"].api_key = "key\n";
  Shard shard;
  const auto adapter = Adapter::make(shard.context, shard.deadlines, config);
  ASSERT_FALSE(adapter.ok());
  const std::string text(adapter.status().message());
  for (const char* field : {"upstreams.a.url", "upstreams.b.dialect", "upstreams.c.ca_file", "upstreams.d.api_key"})
    EXPECT_THAT(text, HasSubstr(field));
}

}  // namespace
}  // namespace tollgate::test
