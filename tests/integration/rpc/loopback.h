// A server of Messages and a client of it over TCP on loopback, and what the tests need to drive coroutines.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_future.hpp>
#include <chrono>
#include <functional>
#include <future>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "services/common/rpc/channel.h"
#include "services/common/rpc/messages_rpc.h"
#include "services/common/rpc/server_runtime.h"
#include "services/common/runtime/shards.h"

namespace tollgate {

using namespace std::chrono_literals;

// Longer than anything takes that works.
inline constexpr auto kPatience = 30s;

// True when `condition` becomes true in time. Any thread's work may make it so.
template <class Condition>
bool eventually(Condition condition) {
  const auto end = SteadyClock::now() + kPatience;
  while (!condition()) {
    if (SteadyClock::now() > end)
      return false;
    std::this_thread::sleep_for(100us);
  }
  return true;
}

// A coroutine that runs on a shard and can be cancelled from the test's thread.
template <class T>
class Task {
 public:
  Task(Executor executor, Awaitable<T> work) : executor_(std::move(executor)) {
    auto token = asio::bind_cancellation_slot(signal_->slot(), asio::use_future);
    result_ = asio::co_spawn(executor_, std::move(work), token);
  }

  Task(Task&&) = default;

  // A test that fails early leaves nothing running behind it.
  ~Task() {
    if (!result_.valid())
      return;
    cancel();
    result_.wait_for(kPatience);
  }

  void cancel() {
    asio::post(executor_, [signal = signal_] { signal->emit(asio::cancellation_type::terminal); });
  }

  bool done() const { return result_.wait_for(0s) == std::future_status::ready; }

  // Throws what the coroutine threw.
  T get() {
    if (result_.wait_for(kPatience) != std::future_status::ready)
      throw std::runtime_error("the coroutine does not end");
    return result_.get();
  }

  // True when it ended by its cancellation.
  bool aborted() {
    try {
      static_cast<void>(get());
      return false;
    } catch (const boost::system::system_error& failure) {
      return failure.code() == asio::error::operation_aborted;
    }
  }

 private:
  Executor executor_;
  std::shared_ptr<asio::cancellation_signal> signal_ = std::make_shared<asio::cancellation_signal>();
  std::future<T> result_;
};

// Keeps what it is given; can be made to refuse.
struct Collector final : FrameSink {
  Awaitable<absl::Status> write(v1::Frame frame) override {
    if (frames.size() >= limit)
      co_return absl::CancelledError("enough");
    frames.push_back(std::move(frame));
    taken = frames.size();
    co_return absl::OkStatus();
  }
  std::vector<v1::Frame> frames;
  std::size_t limit = std::numeric_limits<std::size_t>::max();
  std::atomic<std::size_t> taken{0};
};

// Takes as many frames as it is allowed to and then waits for more permission.
struct Valve final : FrameSink {
  Awaitable<absl::Status> write(v1::Frame) override {
    while (taken >= allowed) {
      Timer timer(co_await asio::this_coro::executor, 1ms);
      co_await timer.async_wait(use_awaitable);
    }
    ++taken;
    co_return absl::OkStatus();
  }
  std::atomic<std::size_t> taken{0};
  std::atomic<std::size_t> allowed{0};
};

// A Messages whose methods each test writes itself. Both have a default that answers.
struct FakeMessages final : Messages {
  Awaitable<absl::Status> create(v1::CreateRequest request, FrameSink& sink) override {
    return on_create(std::move(request), sink);
  }
  Awaitable<absl::StatusOr<v1::CountTokensReply>> count_tokens(v1::CreateRequest request) override {
    return on_count_tokens(std::move(request));
  }

  std::function<Awaitable<absl::Status>(v1::CreateRequest, FrameSink&)> on_create =
      [](v1::CreateRequest request, FrameSink& sink) -> Awaitable<absl::Status> {
    v1::Frame frame;
    frame.set_data(request.body());
    co_return co_await sink.write(std::move(frame));
  };
  std::function<Awaitable<absl::StatusOr<v1::CountTokensReply>>(v1::CreateRequest)> on_count_tokens =
      [](v1::CreateRequest request) -> Awaitable<absl::StatusOr<v1::CountTokensReply>> {
    v1::CountTokensReply reply;
    reply.set_body(request.body());
    co_return reply;
  };
};

// Counts the coroutines that are inside, and those that were unwound by an exception.
struct Presence {
  std::atomic<int> inside{0};
  std::atomic<int> entered{0};
  std::atomic<int> unwound{0};
  // When the last one left, on the steady clock.
  std::atomic<SteadyClock::rep> left_at{0};
};

class Guest {
 public:
  explicit Guest(Presence& presence) : presence_(presence) {
    ++presence_.inside;
    ++presence_.entered;
  }
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;
  ~Guest() {
    presence_.left_at = SteadyClock::now().time_since_epoch().count();
    if (std::uncaught_exceptions() > 0)
      ++presence_.unwound;
    --presence_.inside;
  }

 private:
  Presence& presence_;
};

// Waits until it is cancelled.
inline Awaitable<void> forever() {
  Timer timer(co_await asio::this_coro::executor, Timer::time_point::max());
  co_await timer.async_wait(use_awaitable);
}

inline v1::Frame data_frame(std::string data) {
  v1::Frame frame;
  frame.set_data(std::move(data));
  return frame;
}

inline v1::CreateRequest request_of(std::string body) {
  v1::CreateRequest request;
  request.set_api_key("sk-tg-v1-test");
  request.set_body(std::move(body));
  return request;
}

// One shard serves, one calls.
class Loopback : public testing::Test {
 protected:
  Loopback() : shards_(2), service_({Shard<Messages>{server_executor(), &fake_}}) {
    shards_.start();
    restart({});
  }

  ~Loopback() override {
    // The callers first: a server waits for its calls.
    server_.reset();
    client_.reset();
    shards_.stop();
  }

  // A new server and a client of it.
  void restart(MessagesDeadlines deadlines, ServerOptions options = {}) {
    server_.reset();
    server_ = std::make_unique<RpcServer>(std::move(options));
    server_->add(service_);
    const absl::Status started = server_->start();
    ASSERT_TRUE(started.ok()) << started;
    client_ = std::make_unique<MessagesClient>(channel(), deadlines);
  }

  Executor server_executor() { return shards_.at(0).get_executor(); }
  Executor client_executor() { return shards_.at(1).get_executor(); }

  std::string target() const { return "127.0.0.1:" + std::to_string(server_->port()); }
  std::shared_ptr<grpc::Channel> channel() const { return make_channel(target()); }

  // Calls on the client's shard.
  Task<absl::Status> create(FrameSink& sink, v1::CreateRequest request = request_of("{}")) {
    return Task<absl::Status>(client_executor(), client_->create(std::move(request), sink));
  }
  Task<absl::StatusOr<v1::CountTokensReply>> count_tokens(v1::CreateRequest request = request_of("{}")) {
    return Task<absl::StatusOr<v1::CountTokensReply>>(client_executor(), client_->count_tokens(std::move(request)));
  }

  FakeMessages fake_;
  Presence presence_;
  Shards shards_;
  MessagesService service_;
  std::unique_ptr<RpcServer> server_;
  std::unique_ptr<MessagesClient> client_;
};

}  // namespace tollgate
