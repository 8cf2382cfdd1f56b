// What the bridge costs over TCP on loopback, client and server in one process.
#include <fmt/core.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <chrono>
#include <future>
#include <vector>

#include "services/common/rpc/channel.h"
#include "services/common/rpc/messages_rpc.h"
#include "services/common/rpc/server_runtime.h"
#include "services/common/runtime/shards.h"

namespace tollgate {
namespace {

constexpr int kFramesOfAStream = 5000;

struct Answerer final : Messages {
  Awaitable<absl::Status> create(v1::CreateRequest request, FrameSink& sink) override {
    for (int i = 0; i < kFramesOfAStream; ++i) {
      v1::Frame frame;
      frame.set_data(request.body());
      const absl::Status status = co_await sink.write(std::move(frame));
      if (!status.ok())
        co_return status;
    }
    co_return absl::OkStatus();
  }
  Awaitable<absl::StatusOr<v1::CountTokensReply>> count_tokens(v1::CreateRequest request) override {
    v1::CountTokensReply reply;
    reply.set_body(std::move(*request.mutable_body()));
    co_return reply;
  }
};

struct Counter final : FrameSink {
  Awaitable<absl::Status> write(v1::Frame) override {
    ++frames;
    co_return absl::OkStatus();
  }
  int frames = 0;
};

v1::CreateRequest request_of(std::size_t bytes) {
  v1::CreateRequest request;
  request.set_api_key("sk-tg-v1-bench");
  request.set_body(std::string(bytes, 'x'));
  return request;
}

Awaitable<void> call(MessagesClient& client, int times) {
  for (int i = 0; i < times; ++i) {
    v1::CreateRequest request = request_of(200);
    const auto reply = co_await client.count_tokens(std::move(request));
    if (!reply.ok())
      throw std::runtime_error(reply.status().ToString());
  }
}

Awaitable<void> stream(MessagesClient& client) {
  Counter counter;
  v1::CreateRequest request = request_of(200);
  const absl::Status status = co_await client.create(std::move(request), counter);
  if (!status.ok() || counter.frames != kFramesOfAStream)
    throw std::runtime_error(status.ToString());
}

// Seconds that `works` take together on one shard.
double seconds(asio::io_context& context, std::vector<Awaitable<void>> works) {
  const auto start = SteadyClock::now();
  std::vector<std::future<void>> done;
  for (Awaitable<void>& work : works)
    done.push_back(asio::co_spawn(context.get_executor(), std::move(work), asio::use_future));
  for (std::future<void>& one : done)
    one.get();
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

void run() {
  constexpr int parallel = 64;
  constexpr int sequential_calls = 10000;
  constexpr int parallel_calls = 1000;
  Shards shards(2);
  Answerer answerer;
  MessagesService service({Shard<Messages>{shards.at(0).get_executor(), &answerer}});
  shards.start();
  RpcServer server({});
  server.add(service);
  if (const absl::Status started = server.start(); !started.ok())
    throw std::runtime_error(started.ToString());
  MessagesClient client(make_channel(fmt::format("127.0.0.1:{}", server.port())));
  asio::io_context& caller = shards.at(1);

  std::vector<Awaitable<void>> works;
  works.push_back(call(client, 1000));
  seconds(caller, std::move(works));

  works.clear();
  works.push_back(call(client, sequential_calls));
  fmt::print("unary, one after the other: {:.0f} us\n", 1e6 * seconds(caller, std::move(works)) / sequential_calls);

  works.clear();
  for (int i = 0; i < parallel; ++i)
    works.push_back(call(client, parallel_calls));
  fmt::print("unary, {} at once: {:.0f} /s\n", parallel, parallel * parallel_calls / seconds(caller, std::move(works)));

  works.clear();
  for (int i = 0; i < parallel; ++i)
    works.push_back(stream(client));
  fmt::print("frames of 200 B, {} streams: {:.0f} /s\n", parallel,
             parallel * kFramesOfAStream / seconds(caller, std::move(works)));
}

}  // namespace
}  // namespace tollgate

int main() {
  try {
    tollgate::run();
  } catch (const std::exception& failure) {
    fmt::print(stderr, "{}\n", failure.what());
    return 1;
  }
  return 0;
}
