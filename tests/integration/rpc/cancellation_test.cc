// Deadlines and cancellation, in both directions.
#include <algorithm>
#include <random>

#include "services/common/base/errors.h"
#include "tests/integration/rpc/loopback.h"

namespace tollgate {
namespace {

class CancellationTest : public Loopback {
 protected:
  CancellationTest() {
    fake_.on_create = [this](v1::CreateRequest, FrameSink& sink) -> Awaitable<absl::Status> {
      const Guest guest(presence_);
      v1::Frame frame = data_frame("first");
      co_await sink.write(std::move(frame));
      co_await forever();
      co_return absl::OkStatus();
    };
    fake_.on_count_tokens = [this](v1::CreateRequest) -> Awaitable<absl::StatusOr<v1::CountTokensReply>> {
      const Guest guest(presence_);
      co_await forever();
      co_return v1::CountTokensReply();
    };
  }

  bool left(int unwound) {
    return eventually([&] { return presence_.inside == 0 && presence_.unwound == unwound; });
  }
};

TEST_F(CancellationTest, DeadlineOfAUnaryCallReachesBothEnds) {
  restart({.create = 0ms, .count_tokens = 50ms});
  const auto reply = count_tokens().get();
  EXPECT_EQ(reply.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(failure_of(reply.status()).kind(), v1::Failure::KIND_TIMEOUT);
  EXPECT_TRUE(left(1));
}

TEST_F(CancellationTest, DeadlineOfAStreamReachesBothEnds) {
  restart({.create = 50ms, .count_tokens = 0ms});
  Collector sink;
  EXPECT_EQ(create(sink).get().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(left(1));
}

TEST_F(CancellationTest, CancelledUnaryCallCancelsTheServersCoroutine) {
  auto task = count_tokens();
  ASSERT_TRUE(eventually([&] { return presence_.inside == 1; }));
  task.cancel();
  EXPECT_TRUE(task.aborted());
  EXPECT_TRUE(left(1));
}

// A promised figure: a client that is gone stops the work behind it within 100 ms.
TEST_F(CancellationTest, CancelledStreamCancelsTheServersCoroutineWithin100Ms) {
  std::vector<std::chrono::nanoseconds> times;
  for (int i = 0; i < 9; ++i) {
    Collector sink;
    auto task = create(sink);
    ASSERT_TRUE(eventually([&] { return sink.taken == 1; }));
    const auto start = SteadyClock::now();
    task.cancel();
    EXPECT_TRUE(task.aborted());
    ASSERT_TRUE(left(i + 1));
    times.push_back(SteadyClock::duration(presence_.left_at) - start.time_since_epoch());
  }
  std::sort(times.begin(), times.end());
  EXPECT_LT(times[times.size() / 2], 100ms);
  RecordProperty("median_us", std::to_string(times[times.size() / 2] / 1us));
}

TEST_F(CancellationTest, CancellationWhileTheSinkIsBusyEndsTheCall) {
  Valve sink;
  auto task = create(sink);
  ASSERT_TRUE(eventually([&] { return presence_.inside == 1; }));
  task.cancel();
  EXPECT_TRUE(task.aborted());
  EXPECT_TRUE(left(1));
}

TEST_F(CancellationTest, CancellationWhileAWriteWaitsForCreditEndsIt) {
  fake_.on_create = [this](v1::CreateRequest, FrameSink& sink) -> Awaitable<absl::Status> {
    const Guest guest(presence_);
    for (;;) {
      v1::Frame frame = data_frame(std::string(64 * 1024, 'x'));
      const absl::Status status = co_await sink.write(std::move(frame));
      if (!status.ok())
        co_return status;
    }
  };
  Valve sink;
  auto task = create(sink);
  ASSERT_TRUE(eventually([&] { return presence_.inside == 1; }));
  task.cancel();
  EXPECT_TRUE(task.aborted());
  EXPECT_TRUE(eventually([&] { return presence_.inside == 0; }));
}

TEST_F(CancellationTest, ImplementationMayAnswerAfterItsCancellation) {
  std::atomic<bool> cleaned{false};
  fake_.on_create = [&](v1::CreateRequest, FrameSink&) -> Awaitable<absl::Status> {
    const Guest guest(presence_);
    try {
      co_await forever();
    } catch (const boost::system::system_error&) {
      cleaned = true;
    }
    co_return absl::OkStatus();
  };
  Collector sink;
  auto task = create(sink);
  ASSERT_TRUE(eventually([&] { return presence_.inside == 1; }));
  task.cancel();
  EXPECT_TRUE(task.aborted());
  EXPECT_TRUE(eventually([&] { return cleaned && presence_.inside == 0; }));
}

// Calls of a few hundred microseconds, cancelled at any moment of their lives: each ends, once, on both sides.
TEST_F(CancellationTest, CancellationRacesCompletion) {
  constexpr int rounds = 60;
  constexpr int at_once = 50;
  fake_ = FakeMessages();
  fake_.on_create = [this](v1::CreateRequest, FrameSink& sink) -> Awaitable<absl::Status> {
    const Guest guest(presence_);
    for (int i = 0; i < 3; ++i) {
      v1::Frame frame = data_frame("x");
      const absl::Status status = co_await sink.write(std::move(frame));
      if (!status.ok())
        co_return status;
    }
    co_return absl::OkStatus();
  };
  std::minstd_rand random(20240607);
  int cancelled = 0;
  int completed = 0;
  for (int round = 0; round < rounds; ++round) {
    std::vector<Collector> sinks(at_once);
    std::vector<Task<absl::Status>> streams;
    std::vector<Task<absl::StatusOr<v1::CountTokensReply>>> unaries;
    for (int i = 0; i < at_once; ++i) {
      streams.push_back(create(sinks[i]));
      unaries.push_back(count_tokens());
      const int victim = static_cast<int>(random() % static_cast<unsigned>(i + 1));
      if (random() % 2 == 0)
        streams[victim].cancel();
      if (random() % 2 == 0)
        unaries[victim].cancel();
      const auto until = SteadyClock::now() + std::chrono::microseconds(random() % 100);
      while (SteadyClock::now() < until) {
      }
    }
    for (int i = 0; i < at_once; ++i) {
      for (const bool aborted : {streams[i].aborted(), unaries[i].aborted()})
        ++(aborted ? cancelled : completed);
    }
  }
  EXPECT_EQ(cancelled + completed, 2 * rounds * at_once);
  EXPECT_GT(cancelled, 0);
  EXPECT_GT(completed, 0);
  EXPECT_TRUE(eventually([&] { return presence_.inside == 0; }));
  RecordProperty("cancelled", cancelled);
}

}  // namespace
}  // namespace tollgate
