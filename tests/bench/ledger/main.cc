// What a request costs the ledger: pairs of reserve and settle on a Redis of its own (Unix socket, AOF everysec).
//   tollgate-bench-ledger [pairs at a time] [seconds] [keys]
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <cstdlib>
#include <vector>

#include "services/budget/redis_keys.h"
#include "services/budget/redis_ledger.h"
#include "services/common/redis/redis_client.h"
#include "tests/support/redis/redis_server.h"

namespace tollgate {
namespace {

struct Run {
  RedisClient& redis;
  RedisLedger& ledger;
  RedisKeys& keys;
  asio::io_context& context;
  std::chrono::seconds time;
  std::vector<std::string> hashes;
  SteadyClock::time_point end;
  std::vector<double> reserve_us;
  std::int64_t pairs = 0;
  std::int64_t failures = 0;
  int running = 0;
};

double client_cpu_us() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const auto us = [](const timeval& t) { return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec); };
  return us(usage.ru_utime) + us(usage.ru_stime);
}

Awaitable<double> redis_cpu_us(Redis& redis) {
  std::vector<std::string> argv = {"INFO", "cpu"};
  const auto reply = co_await redis.command(std::move(argv));
  double seconds = 0;
  for (const char* field : {"used_cpu_user_main_thread:", "used_cpu_sys_main_thread:"}) {
    const auto at = reply->text.find(field);
    seconds += std::strtod(reply->text.c_str() + at + std::string_view(field).size(), nullptr);
  }
  co_return seconds * 1e6;
}

Awaitable<void> worker(Run& run, int number) {
  for (std::int64_t i = 0; SteadyClock::now() < run.end; ++i) {
    v1::ReserveRequest reserve;
    reserve.set_key_hash(run.hashes[static_cast<std::size_t>(number + i) % run.hashes.size()]);
    reserve.set_generation_id(fmt::format("gen-1764000000-{:08}{:012}", number, i));
    v1::CostBound& bound = *reserve.add_bounds();
    bound.set_input_nano_usd(2'460'000'000);
    bound.set_expected_input_nano_usd(600'000'000);
    bound.set_output_price(15'000'000);
    bound.set_max_output_tokens(20'000);
    const auto begin = SteadyClock::now();
    const auto reserved = co_await run.ledger.reserve(reserve);
    run.reserve_us.push_back(std::chrono::duration<double, std::micro>(SteadyClock::now() - begin).count());
    if (!reserved.ok()) {
      ++run.failures;
      continue;
    }
    v1::SettleRequest settle;
    settle.set_workspace(reserved->workspace());
    settle.set_key_hash(reserve.key_hash());
    settle.set_generation_id(reserve.generation_id());
    settle.set_cost_nano_usd(1'234'567);
    settle.set_usage_source(v1::USAGE_SOURCE_REPORTED);
    const auto settled = co_await run.ledger.settle(settle);
    run.failures += settled.ok() ? 0 : 1;
    ++run.pairs;
  }
  --run.running;
}

Awaitable<void> measure(Run& run, int workers, int keys) {
  for (int i = 0; i < keys; ++i) {
    v1::CreateKeyRequest create;
    create.set_name("bench");
    for (const auto reset : {v1::RESET_DAILY, v1::RESET_MONTHLY}) {
      v1::Limit& limit = *create.mutable_limits()->add_limits();
      limit.set_amount_nano_usd(1'000'000'000'000'000);
      limit.set_reset(reset);
    }
    const auto created = co_await run.keys.create(create);
    run.hashes.push_back(created->key().hash());
  }
  const double redis_before = co_await redis_cpu_us(run.redis);
  const double client_before = client_cpu_us();
  const auto begin = SteadyClock::now();
  run.end = begin + run.time;
  run.running = workers;
  for (int number = 0; number < workers; ++number)
    asio::co_spawn(run.context, worker(run, number), asio::detached);
  Timer timer(run.context.get_executor());
  while (run.running > 0) {
    timer.expires_after(std::chrono::milliseconds(5));
    co_await timer.async_wait(use_awaitable);
  }
  const double seconds = std::chrono::duration<double>(SteadyClock::now() - begin).count();
  const double client_us = client_cpu_us() - client_before;
  const double redis_us = co_await redis_cpu_us(run.redis) - redis_before;
  std::sort(run.reserve_us.begin(), run.reserve_us.end());
  const auto pairs = static_cast<double>(run.pairs);
  fmt::print(
      "{} at a time, {} keys: {:.0f} pairs/s, {} failures; CPU us/pair: Redis {:.1f}, client {:.1f}; "
      "reserve p50 {:.0f} us, p99 {:.0f} us\n",
      workers, keys, pairs / seconds, run.failures, redis_us / pairs, client_us / pairs,
      run.reserve_us[run.reserve_us.size() / 2], run.reserve_us[run.reserve_us.size() * 99 / 100]);
  run.context.stop();
}

}  // namespace
}  // namespace tollgate

int main(int argc, char** argv) {
  using namespace tollgate;
  const int workers = argc > 1 ? std::atoi(argv[1]) : 64;
  const int seconds = argc > 2 ? std::atoi(argv[2]) : 3;
  const int keys = argc > 3 ? std::atoi(argv[3]) : 1;
  if (workers < 1 || seconds < 1 || keys < 1) {
    fmt::print(stderr, "usage: tollgate-bench-ledger [pairs at a time] [seconds] [keys], each at least 1\n");
    return 2;
  }
  RedisServer server;
  asio::io_context context;
  RedisClient redis(context, server.config());
  RedisLedger ledger(redis, BudgetConfig());
  RedisKeys key_service(redis);
  Run run{redis, ledger, key_service, context, std::chrono::seconds(seconds), {}, {}, {}, 0, 0, 0};
  asio::co_spawn(context, measure(run, workers, keys), asio::detached);
  context.run();
  return 0;
}
