// A reader that stops holds back the writer, over TCP, after kilobytes.
#include <unistd.h>

#include <fstream>

#include "tests/integration/rpc/loopback.h"

namespace tollgate {
namespace {

constexpr std::size_t kFrameBytes = 16 * 1024;

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kMemoryIsMeaningful = false;
#else
constexpr bool kMemoryIsMeaningful = true;
#endif

// Resident bytes of this process.
std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

class BackpressureTest : public Loopback {
 protected:
  void write_frames(std::size_t count) {
    fake_.on_create = [this, count](v1::CreateRequest, FrameSink& sink) -> Awaitable<absl::Status> {
      for (std::size_t i = 0; i < count; ++i) {
        v1::Frame frame = data_frame(std::string(kFrameBytes, 'x'));
        const absl::Status status = co_await sink.write(std::move(frame));
        if (!status.ok())
          co_return status;
        ++written_;
      }
      co_return absl::OkStatus();
    };
  }

  // Until the writer has not moved for a while: it is held back.
  std::size_t written_when_still() {
    std::size_t before = written_;
    for (int still = 0; still < 100; ++still) {
      std::this_thread::sleep_for(2ms);
      if (written_ != before)
        still = 0;
      before = written_;
    }
    return before;
  }

  std::atomic<std::size_t> written_{0};
};

TEST_F(BackpressureTest, ReaderThatStopsStopsTheWriter) {
  constexpr std::size_t frames = 5000;
  write_frames(frames);
  Valve sink;
  sink.allowed = 10;
  auto task = create(sink);
  ASSERT_TRUE(eventually([&] { return sink.taken == 10; }));
  const std::size_t ahead = written_when_still() - sink.taken;
  // Windows of 64 KiB are four frames; the transport's own buffers and one read in advance come on top.
  EXPECT_LE(ahead, 16u);
  RecordProperty("frames_ahead", std::to_string(ahead));
  sink.allowed = frames;
  EXPECT_TRUE(task.get().ok());
  EXPECT_EQ(sink.taken, frames);
}

TEST_F(BackpressureTest, StalledReadersCostKilobytesEach) {
  constexpr int readers = 200;
  write_frames(1000);
  const std::size_t before = resident_bytes();
  std::vector<Valve> sinks(readers);
  std::vector<Task<absl::Status>> tasks;
  for (Valve& sink : sinks)
    tasks.push_back(create(sink));
  ASSERT_TRUE(eventually([&] { return written_ >= readers; }));
  const std::size_t frames = written_when_still();
  EXPECT_LE(frames, readers * 16u);
  if (kMemoryIsMeaningful) {
    EXPECT_LE(resident_bytes(), before + 128 * 1024 * 1024);
  }
  // They hold back themselves and nobody else on their connection.
  EXPECT_TRUE(count_tokens().get().ok());
  for (auto& task : tasks)
    task.cancel();
  for (auto& task : tasks)
    EXPECT_TRUE(task.aborted());
  RecordProperty("frames_per_reader", std::to_string(frames / readers));
}

// Takes a frame, and now and then a rest.
struct SlowReader final : FrameSink {
  Awaitable<absl::Status> write(v1::Frame frame) override {
    bytes += frame.data().size();
    if (++frames % 16 == 0) {
      peak = std::max(peak, resident_bytes());
      Timer timer(co_await asio::this_coro::executor, 1ms);
      co_await timer.async_wait(use_awaitable);
    }
    co_return absl::OkStatus();
  }
  std::size_t bytes = 0;
  std::size_t frames = 0;
  std::size_t peak = 0;
};

TEST_F(BackpressureTest, TwoHundredMegabytesToASlowReaderTakeNoMemory) {
  constexpr std::size_t total = 200 * 1024 * 1024;
  write_frames(total / kFrameBytes);
  // Everything that is allocated once.
  Collector warm;
  warm.limit = 100;
  EXPECT_FALSE(create(warm).get().ok());
  const std::size_t before = resident_bytes();
  SlowReader sink;
  const absl::Status status = create(sink).get();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(sink.bytes, total);
  if (kMemoryIsMeaningful) {
    EXPECT_LE(sink.peak, before + 32 * 1024 * 1024);
  }
  RecordProperty("growth_kib", std::to_string((sink.peak - std::min(sink.peak, before)) / 1024));
}

}  // namespace
}  // namespace tollgate
