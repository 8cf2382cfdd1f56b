// Starting, draining, and the order of destruction.
#include "services/common/base/errors.h"
#include "tests/integration/rpc/loopback.h"

namespace tollgate {
namespace {

class LifetimeTest : public Loopback {
 protected:
  LifetimeTest() {
    fake_.on_create = [this](v1::CreateRequest, FrameSink& sink) -> Awaitable<absl::Status> {
      const Guest guest(presence_);
      v1::Frame frame = data_frame("first");
      co_await sink.write(std::move(frame));
      while (!go_) {
        Timer timer(co_await asio::this_coro::executor, 1ms);
        co_await timer.async_wait(use_awaitable);
      }
      v1::Frame last = data_frame("last");
      co_return co_await sink.write(std::move(last));
    };
  }

  std::atomic<bool> go_{false};
};

TEST_F(LifetimeTest, DrainLetsAStreamEnd) {
  Collector sink;
  auto task = create(sink);
  ASSERT_TRUE(eventually([&] { return sink.taken == 1; }));
  std::thread releaser([&] {
    // Calls are refused as soon as it drains; the stream goes on.
    eventually([&] { return count_tokens().get().status().code() == absl::StatusCode::kUnavailable; });
    go_ = true;
  });
  server_->drain(kPatience);
  releaser.join();
  EXPECT_TRUE(task.get().ok());
  EXPECT_EQ(sink.frames.size(), 2u);
}

TEST_F(LifetimeTest, DrainCancelsWhatDoesNotEnd) {
  Collector sink;
  auto task = create(sink);
  ASSERT_TRUE(eventually([&] { return sink.taken == 1; }));
  server_->drain(50ms);
  EXPECT_EQ(presence_.inside, 0);
  EXPECT_EQ(presence_.unwound, 1);
  EXPECT_EQ(task.get().code(), absl::StatusCode::kUnavailable);
}

TEST_F(LifetimeTest, DrainIsCutShort) {
  Collector sink;
  auto task = create(sink);
  ASSERT_TRUE(eventually([&] { return sink.taken == 1; }));
  std::stop_source haste;
  std::thread hurry([&] {
    // Not before it drains.
    eventually([&] { return count_tokens().get().status().code() == absl::StatusCode::kUnavailable; });
    haste.request_stop();
  });
  const auto start = SteadyClock::now();
  server_->drain(10min, haste.get_token());
  EXPECT_LT(SteadyClock::now() - start, kPatience);
  hurry.join();
  EXPECT_EQ(presence_.unwound, 1);
  EXPECT_EQ(task.get().code(), absl::StatusCode::kUnavailable);
}

TEST_F(LifetimeTest, DrainInHasteFromTheBeginning) {
  Collector sink;
  auto task = create(sink);
  ASSERT_TRUE(eventually([&] { return sink.taken == 1; }));
  std::stop_source haste;
  haste.request_stop();
  server_->drain(10min, haste.get_token());
  EXPECT_EQ(task.get().code(), absl::StatusCode::kUnavailable);
}

TEST_F(LifetimeTest, ServerIsDestroyedAmidManyStreams) {
  constexpr int streams = 100;
  std::vector<Collector> sinks(streams);
  std::vector<Task<absl::Status>> tasks;
  for (Collector& sink : sinks)
    tasks.push_back(create(sink));
  ASSERT_TRUE(eventually([&] { return presence_.inside == streams; }));
  server_.reset();
  EXPECT_EQ(presence_.inside, 0);
  for (auto& task : tasks)
    EXPECT_EQ(task.get().code(), absl::StatusCode::kUnavailable);
}

TEST_F(LifetimeTest, ClientIsDestroyedAmidItsCalls) {
  fake_.on_count_tokens = [](v1::CreateRequest) -> Awaitable<absl::StatusOr<v1::CountTokensReply>> {
    co_await forever();
    co_return v1::CountTokensReply();
  };
  constexpr std::size_t calls = 20;
  std::vector<Collector> reading(calls);
  std::vector<Valve> stalled(calls);
  std::vector<Task<absl::Status>> streams;
  std::vector<Task<absl::StatusOr<v1::CountTokensReply>>> unaries;
  for (std::size_t i = 0; i < calls; ++i) {
    streams.push_back(create(reading[i]));
    streams.push_back(create(stalled[i]));
    unaries.push_back(count_tokens());
  }
  ASSERT_TRUE(eventually([&] { return presence_.inside == static_cast<int>(2 * calls); }));
  shards_.stop();
  client_.reset();
  for (auto& unary : unaries)
    EXPECT_FALSE(unary.done());
  for (std::size_t i = 0; i < shards_.size(); ++i)
    shards_.at(i).restart();
  shards_.start();
  for (Valve& sink : stalled)
    sink.allowed = 1000;
  for (auto& stream : streams)
    EXPECT_EQ(stream.get().code(), absl::StatusCode::kCancelled);
  for (auto& unary : unaries)
    EXPECT_EQ(unary.get().status().code(), absl::StatusCode::kCancelled);
  EXPECT_TRUE(eventually([&] { return presence_.inside == 0; }));
}

// gRPC's own threads end with the last channel and server of the process, which must not happen on one of them.
TEST_F(LifetimeTest, ServersAndClientsComeAndGo) {
  for (int i = 0; i < 50; ++i) {
    restart({});
    Collector sink;
    auto task = create(sink);
    ASSERT_TRUE(eventually([&] { return sink.taken == 1; }));
    server_.reset();
    client_.reset();
    EXPECT_FALSE(task.get().ok());
  }
}

// The shards go down first, as when a process gives up: what waits in their queues is destroyed with them.
TEST_F(LifetimeTest, IoContextIsDestroyedAfterItsClient) {
  auto context = std::make_unique<asio::io_context>(1);
  auto client = std::make_unique<MessagesClient>(channel());
  std::vector<Collector> sinks(10);
  for (Collector& sink : sinks)
    asio::co_spawn(context->get_executor(), client->create(request_of("{}"), sink), asio::detached);
  while (presence_.inside < 10)
    context->run_for(10ms);
  client.reset();
  context.reset();
  go_ = true;
  EXPECT_TRUE(eventually([&] { return presence_.inside == 0; }));
}

TEST_F(LifetimeTest, PortInUseIsAnError) {
  RpcServer second({.address = target()});
  const absl::Status status = second.start();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(status.message().find(target()), absl::string_view::npos) << status;
}

// Connections that are replaced all the time lose no call and cut no stream.
TEST_F(LifetimeTest, OldConnectionsAreReplacedQuietly) {
  restart({}, {.connection_age = 20ms});
  Collector sink;
  auto task = create(sink);
  for (int i = 0; i < 2000; ++i) {
    const auto reply = count_tokens().get();
    ASSERT_TRUE(reply.ok()) << reply.status();
  }
  go_ = true;
  EXPECT_TRUE(task.get().ok());
  EXPECT_EQ(sink.frames.size(), 2u);
}

TEST_F(LifetimeTest, CallsAreSpreadOverTheShardsEachInTurn) {
  std::atomic<int> first{0};
  std::atomic<int> second{0};
  FakeMessages other;
  fake_.on_create = [&](v1::CreateRequest, FrameSink&) -> Awaitable<absl::Status> {
    EXPECT_TRUE(shards_.at(0).get_executor().running_in_this_thread());
    ++first;
    co_return absl::OkStatus();
  };
  other.on_create = [&](v1::CreateRequest, FrameSink&) -> Awaitable<absl::Status> {
    EXPECT_TRUE(shards_.at(1).get_executor().running_in_this_thread());
    ++second;
    co_return absl::OkStatus();
  };
  MessagesService service(
      {Shard<Messages>{shards_.at(0).get_executor(), &fake_}, Shard<Messages>{shards_.at(1).get_executor(), &other}});
  RpcServer server({});
  server.add(service);
  ASSERT_TRUE(server.start().ok());
  MessagesClient client(make_channel("127.0.0.1:" + std::to_string(server.port())));
  Collector sink;
  for (int i = 0; i < 10; ++i)
    EXPECT_TRUE(Task<absl::Status>(client_executor(), client.create(request_of("{}"), sink)).get().ok());
  EXPECT_EQ(first, 5);
  EXPECT_EQ(second, 5);
}

}  // namespace
}  // namespace tollgate
