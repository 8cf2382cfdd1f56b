// A call over the wire gives what a direct call would: replies, errors, ends.
#include <gmock/gmock.h>

#include <stdexcept>

#include "services/common/base/errors.h"
#include "tests/integration/rpc/loopback.h"

namespace tollgate {
namespace {

using CallsTest = Loopback;

std::string binary(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i)
    bytes[i] = static_cast<char>(i * 31 % 256);
  return bytes;
}

// As large as an upstream's error may be: 64 KiB of body, and a text taken from it.
v1::Failure large_failure() {
  v1::Failure failure = make_failure(v1::Failure::KIND_OVERLOADED, binary(100) + std::string(32 * 1024, 'm'));
  failure.set_message(std::string(32 * 1024, 'm'));
  failure.set_body(binary(64 * 1024));
  add_header(failure, "retry-after", "7");
  return failure;
}

TEST_F(CallsTest, UnaryReplyArrives) {
  const auto reply = count_tokens(request_of("hello")).get();
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->body(), "hello");
}

TEST_F(CallsTest, StreamArrivesInOrderAndEnds) {
  fake_.on_create = [](v1::CreateRequest, FrameSink& sink) -> Awaitable<absl::Status> {
    for (int i = 0; i < 1000; ++i) {
      v1::Frame frame = data_frame(std::to_string(i));
      const absl::Status status = co_await sink.write(std::move(frame));
      if (!status.ok())
        co_return status;
    }
    co_return absl::OkStatus();
  };
  Collector sink;
  const absl::Status status = create(sink).get();
  EXPECT_TRUE(status.ok()) << status;
  ASSERT_EQ(sink.frames.size(), 1000u);
  for (int i = 0; i < 1000; ++i)
    EXPECT_EQ(sink.frames[i].data(), std::to_string(i));
}

TEST_F(CallsTest, StreamWithoutAFrameEndsOk) {
  fake_.on_create = [](v1::CreateRequest, FrameSink&) -> Awaitable<absl::Status> { co_return absl::OkStatus(); };
  Collector sink;
  EXPECT_TRUE(create(sink).get().ok());
  EXPECT_TRUE(sink.frames.empty());
}

TEST_F(CallsTest, BodiesUpToTheLimitArriveWhole) {
  const std::string body = binary(LimitsConfig{}.body_bytes);
  const auto reply = count_tokens(request_of(body)).get();
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_TRUE(reply->body() == body);
  Collector sink;
  const absl::Status status = create(sink, request_of(body)).get();
  ASSERT_TRUE(status.ok()) << status;
  ASSERT_EQ(sink.frames.size(), 1u);
  EXPECT_TRUE(sink.frames[0].data() == body);
}

TEST_F(CallsTest, BodiesBeyondTheLimitAreRefused) {
  const auto reply = count_tokens(request_of(std::string(max_message_bytes(LimitsConfig{}.body_bytes), 'x'))).get();
  EXPECT_EQ(reply.status().code(), absl::StatusCode::kResourceExhausted) << reply.status();
}

TEST_F(CallsTest, FailuresArriveByteForByte) {
  const v1::Failure failure = large_failure();
  fake_.on_count_tokens = [&](v1::CreateRequest) -> Awaitable<absl::StatusOr<v1::CountTokensReply>> {
    co_return to_status(failure);
  };
  fake_.on_create = [&](v1::CreateRequest, FrameSink&) -> Awaitable<absl::Status> { co_return to_status(failure); };
  const absl::Status unary = count_tokens().get().status();
  EXPECT_EQ(unary.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(failure_of(unary).SerializeAsString(), failure.SerializeAsString());
  Collector sink;
  const absl::Status stream = create(sink).get();
  EXPECT_EQ(stream.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(failure_of(stream).SerializeAsString(), failure.SerializeAsString());
  EXPECT_TRUE(sink.frames.empty());
}

TEST_F(CallsTest, FailureAfterFramesArrivesAfterThem) {
  fake_.on_create = [](v1::CreateRequest, FrameSink& sink) -> Awaitable<absl::Status> {
    for (int i = 0; i < 3; ++i) {
      v1::Frame frame = data_frame("x");
      co_await sink.write(std::move(frame));
    }
    co_return error(v1::Failure::KIND_UNAVAILABLE, "broke off");
  };
  Collector sink;
  const absl::Status status = create(sink).get();
  EXPECT_EQ(sink.frames.size(), 3u);
  EXPECT_EQ(failure_of(status).message(), "broke off");
}

TEST_F(CallsTest, ImplementationThatThrowsAnswersInternalAndTheProcessLives) {
  const auto expect_internal = [](const absl::Status& status) {
    EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
    EXPECT_EQ(failure_of(status).kind(), v1::Failure::KIND_INTERNAL);
    // What was thrown is nobody's business.
    EXPECT_THAT(status.ToString(), testing::Not(testing::HasSubstr("secret")));
  };
  fake_.on_count_tokens = [](v1::CreateRequest request) -> Awaitable<absl::StatusOr<v1::CountTokensReply>> {
    if (request.body() == "number")
      throw 42;
    // Not a cancellation of this call.
    if (request.body() == "aborted")
      throw boost::system::system_error(asio::error::operation_aborted);
    throw std::runtime_error("secret");
    co_return v1::CountTokensReply();
  };
  for (const char* body : {"text", "number", "aborted"})
    expect_internal(count_tokens(request_of(body)).get().status());
  fake_.on_create = [](v1::CreateRequest request, FrameSink& sink) -> Awaitable<absl::Status> {
    if (request.body() == "late") {
      v1::Frame frame = data_frame("x");
      co_await sink.write(std::move(frame));
    }
    throw std::runtime_error("secret");
  };
  for (const char* body : {"early", "late"}) {
    Collector sink;
    expect_internal(create(sink, request_of(body)).get());
    EXPECT_EQ(sink.frames.size(), body == std::string("late") ? 1u : 0u);
  }
  // Not a coroutine at all.
  fake_.on_create = [](v1::CreateRequest, FrameSink&) -> Awaitable<absl::Status> {
    throw std::runtime_error("secret");
  };
  Collector sink;
  expect_internal(create(sink).get());
  fake_ = FakeMessages();
  EXPECT_TRUE(create(sink).get().ok());
}

TEST_F(CallsTest, SinkThatRefusesEndsTheCall) {
  fake_.on_create = [this](v1::CreateRequest, FrameSink& sink) -> Awaitable<absl::Status> {
    const Guest guest(presence_);
    for (;;) {
      v1::Frame frame = data_frame("x");
      const absl::Status status = co_await sink.write(std::move(frame));
      if (!status.ok())
        co_return status;
    }
  };
  Collector sink;
  sink.limit = 5;
  EXPECT_EQ(create(sink).get(), absl::CancelledError("enough"));
  EXPECT_EQ(sink.frames.size(), 5u);
  EXPECT_TRUE(eventually([&] { return presence_.entered == 1 && presence_.inside == 0; }));
}

TEST_F(CallsTest, SinkThatThrowsEndsTheCall) {
  struct Thrower final : FrameSink {
    Awaitable<absl::Status> write(v1::Frame) override { throw std::logic_error("mine"); }
  } sink;
  EXPECT_THROW(create(sink).get(), std::logic_error);
}

TEST_F(CallsTest, NobodyThereIsUnavailable) {
  server_.reset();
  Collector sink;
  EXPECT_EQ(create(sink).get().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(count_tokens().get().status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(CallsTest, AThousandStreamsAtOnce) {
  constexpr int streams = 1000;
  constexpr int frames = 20;
  std::atomic<bool> go{false};
  fake_.on_create = [&](v1::CreateRequest request, FrameSink& sink) -> Awaitable<absl::Status> {
    const Guest guest(presence_);
    for (int i = 0; i < frames; ++i) {
      while (i == frames / 2 && !go) {
        Timer timer(co_await asio::this_coro::executor, 10ms);
        co_await timer.async_wait(use_awaitable);
      }
      v1::Frame frame = data_frame(request.body() + ":" + std::to_string(i));
      const absl::Status status = co_await sink.write(std::move(frame));
      if (!status.ok())
        co_return status;
    }
    co_return absl::OkStatus();
  };
  std::vector<Collector> sinks(streams);
  std::vector<Task<absl::Status>> tasks;
  for (int i = 0; i < streams; ++i)
    tasks.push_back(create(sinks[i], request_of(std::to_string(i))));
  EXPECT_TRUE(eventually([&] { return presence_.inside == streams; }));
  go = true;
  for (int i = 0; i < streams; ++i) {
    EXPECT_TRUE(tasks[i].get().ok());
    ASSERT_EQ(sinks[i].frames.size(), static_cast<std::size_t>(frames));
    EXPECT_EQ(sinks[i].frames.back().data(), std::to_string(i) + ":" + std::to_string(frames - 1));
  }
}

}  // namespace
}  // namespace tollgate
