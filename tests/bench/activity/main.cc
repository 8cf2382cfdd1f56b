// Fills a Redis with the activity of so many days, settled one by one through the ledger's own scripts at the time that
// each would have had, and says what it takes of memory. tests/bench/activity/run.mjs asks for it then.
//   tollgate-bench-activity ADDRESS [RECORDS; 0: only says it] [DAYS] [KEYS]
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <cstdlib>
#include <random>
#include <vector>

#include "services/budget/commands.h"
#include "services/budget/layout.h"
#include "services/budget/redis_keys.h"
#include "services/budget/redis_ledger.h"
#include "services/budget/redis_workspaces.h"
#include "services/budget/sweeper.h"
#include "services/common/redis/redis_client.h"
#include "tests/integration/budget/clocked_redis.h"

namespace tollgate {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;
constexpr int kAtOnce = 64;
// Records between two settings of the clock.
constexpr std::int64_t kChunk = 512;
constexpr std::int64_t kChunksBetweenSweeps = 40;

struct Key {
  std::string hash;
  std::string workspace;
};

struct Run {
  Run(asio::io_context& io, const RedisConfig& config, std::int64_t of_records, std::int64_t of_days, int of_keys)
      : context(io),
        redis(io, config),
        clocked(redis, true),
        ledger(clocked, budget()),
        sweeper(io, clocked, budget()),
        records(of_records),
        days(of_days),
        keys(of_keys) {}

  static BudgetConfig budget() {
    BudgetConfig config;
    config.activity.raw_count = 10'000'000;
    // Its clock is the machine's.
    config.activity.raw_ttl = std::chrono::days(3650);
    return config;
  }

  asio::io_context& context;
  RedisClient redis;
  ClockedRedis clocked;
  RedisLedger ledger;
  Sweeper sweeper;
  const std::int64_t records;
  const std::int64_t days;
  const int keys;
  std::vector<Key> made;
  std::mt19937_64 random{1};
  int running = 0;
  std::int64_t failures = 0;
};

std::int64_t now_ms() {
  return std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::int64_t below(Run& run, std::int64_t bound) {
  return static_cast<std::int64_t>(run.random() % static_cast<std::uint64_t>(bound));
}

v1::SettleRequest settlement(Run& run, std::int64_t number, std::int64_t at_ms) {
  struct Model {
    std::string name;
    std::vector<std::string> providers;
  };
  static const std::vector<std::string> clouds = {"anthropic", "bedrock", "vertex"};
  static const std::vector<Model> models = {
      {"anthropic/claude-sonnet-5.5", clouds}, {"anthropic/claude-opus-5.5", clouds},
      {"anthropic/claude-haiku-4.5", clouds},  {"openai/gpt-5", {"openai"}},
      {"anthropic/claude-sonnet-4", clouds},   {"anthropic/claude-opus-4.5", clouds},
      {"openai/gpt-5-mini", {"openai"}},       {"anthropic/claude-sonnet-4.5", clouds}};
  const auto pick = [&run](const auto& list) -> const auto& {
    // The first are the most used.
    const std::int64_t size = static_cast<std::int64_t>(list.size());
    return list[static_cast<std::size_t>(std::min(below(run, size), below(run, size)))];
  };
  const Key& key = pick(run.made);
  const std::int64_t place = &key - run.made.data();
  v1::SettleRequest settle;
  settle.set_workspace(key.workspace);
  settle.set_key_hash(key.hash);
  settle.set_generation_id(fmt::format("gen-{}-{:020}", at_ms / 1000, number));
  settle.set_cost_nano_usd(1'000'000 + below(run, 100'000'000));
  settle.set_usage_source(v1::USAGE_SOURCE_REPORTED);
  v1::ActivityRecord& record = *settle.mutable_record();
  record.set_created_ms(at_ms - 5000);
  record.set_key_name(fmt::format("key {}", place));
  record.set_model_asked("claude-sonnet-4-20250514");
  const Model& model = pick(models);
  record.set_model(model.name);
  record.set_provider(pick(model.providers));
  v1::AttemptRecord& attempt = *record.add_attempts();
  attempt.set_provider(record.provider());
  attempt.set_model(record.model());
  attempt.set_status(200);
  attempt.set_kind("ok");
  attempt.set_latency_ms(700);
  const std::int64_t fate = below(run, 100);
  record.set_status(fate == 0 ? 529 : fate == 1 ? 429 : 200);
  v1::Usage& usage = *record.mutable_usage();
  usage.set_input_tokens(below(run, 3000));
  usage.set_output_tokens(below(run, 2000));
  usage.set_cache_read_tokens(below(run, 100'000));
  usage.set_cache_write_5m_tokens(below(run, 5000));
  usage.set_final(true);
  usage.set_service_tier("standard");
  record.mutable_cost_parts()->set_input(settle.cost_nano_usd() / 3);
  record.mutable_cost_parts()->set_output(settle.cost_nano_usd() - settle.cost_nano_usd() / 3);
  record.set_streamed(true);
  record.set_finish_reason("tool_use");
  record.set_first_token_ms(900);
  record.set_duration_ms(6000);
  // About 40 requests of a session, a quarter of them of a sub-agent.
  record.set_session_id(fmt::format("7f3b2c1a-0000-4000-8000-{:012}", number / (40 * run.keys) * run.keys + place));
  if (below(run, 4) == 0)
    record.set_agent_id("explorer");
  record.set_user_agent("claude-cli/2.1.330 (external, cli)");
  record.set_app("cli");
  record.set_upstream_id("req_011CSHoEeqs5C35K2UUqR7Fy");
  record.set_api("messages");
  return settle;
}

Awaitable<void> worker(Run& run, std::vector<v1::SettleRequest> work) {
  for (const v1::SettleRequest& settle : work) {
    const auto settled = co_await run.ledger.settle(settle);
    run.failures += settled.ok() ? 0 : 1;
  }
  --run.running;
}

Awaitable<void> generate(Run& run) {
  RedisKeys keys(run.redis);
  RedisWorkspaces workspaces(run.redis);
  for (const char* id : {"team-a", "team-b"}) {
    v1::CreateWorkspaceRequest create;
    create.set_id(id);
    (void)co_await workspaces.create(create);
  }
  for (int i = 0; i < run.keys; ++i) {
    v1::CreateKeyRequest create;
    create.set_name(fmt::format("key {}", i));
    create.set_workspace(i % 3 == 0 ? "default" : i % 3 == 1 ? "team-a" : "team-b");
    const auto made = co_await keys.create(create);
    run.made.push_back({made->key().hash(), create.workspace()});
  }
  const std::int64_t begin = now_ms() - run.days * kDayMs;
  Timer timer(run.context);
  for (std::int64_t done = 0; done < run.records; done += kChunk) {
    const std::int64_t at_ms = begin + run.days * kDayMs / run.records * done;
    (void)co_await run.clocked.set_time(at_ms * 1000);
    std::vector<std::vector<v1::SettleRequest>> work(kAtOnce);
    for (std::int64_t i = 0; i < std::min(kChunk, run.records - done); ++i)
      work[static_cast<std::size_t>(i % kAtOnce)].push_back(settlement(run, done + i, at_ms));
    run.running = kAtOnce;
    for (std::vector<v1::SettleRequest>& part : work)
      asio::co_spawn(run.context, worker(run, std::move(part)), asio::detached);
    while (run.running > 0) {
      timer.expires_after(std::chrono::microseconds(200));
      co_await timer.async_wait(use_awaitable);
    }
    if (done / kChunk % kChunksBetweenSweeps == 0)
      (void)co_await run.sweeper.sweep();
  }
}

Awaitable<std::int64_t> used_memory(Redis& redis) {
  std::vector<std::string> argv = {"INFO", "memory"};
  const auto reply = co_await run(redis, std::move(argv));
  const std::string_view name = "used_memory:";
  co_return std::strtoll(reply->text.c_str() + reply->text.find(name) + name.size(), nullptr, 10);
}

// Names that begin so, bytes of them all, and the entries in them by `count`.
Awaitable<void> print_memory(Redis& redis, std::string what, std::string pattern, std::string count) {
  std::vector<std::string> list = {"KEYS", pattern};
  const auto names = co_await run(redis, std::move(list));
  std::int64_t bytes = 0;
  std::int64_t entries = 0;
  for (const RedisReply& name : names->elements) {
    std::vector<std::string> usage = {"MEMORY", "USAGE", name.text, "SAMPLES", "0"};
    bytes += (co_await run(redis, std::move(usage)))->integer;
    std::vector<std::string> length = {count, name.text};
    entries += count.empty() ? 1 : (co_await run(redis, std::move(length)))->integer;
  }
  fmt::print("  {:<28} {:>9} entries {:>9.1f} MB {:>7.0f} bytes each\n", what, entries,
             static_cast<double>(bytes) / 1e6,
             static_cast<double>(bytes) / static_cast<double>(std::max<std::int64_t>(entries, 1)));
}

Awaitable<void> fill(Run& run) {
  if (run.records > 0) {
    co_await generate(run);
    std::vector<std::string> clock = {"DEL", "test:clock"};
    (void)co_await tollgate::run(run.redis, std::move(clock));
    fmt::print("{} records over {} days by {} keys in 3 workspaces, {} failures\n", run.records, run.days, run.keys,
               run.failures);
  }
  fmt::print("Redis: {:.0f} MB\n", static_cast<double>(co_await used_memory(run.redis)) / 1e6);
  const std::vector<std::array<std::string, 3>> parts = {{"records", "tg:{*}:records", "XLEN"},
                                                         {"sums of hours", "tg:{*}:hour:*", "HLEN"},
                                                         {"sums of days", "tg:{*}:day:*", "HLEN"},
                                                         {"sessions", "tg:{*}:session:*", ""},
                                                         {"sessions by time", "tg:{*}:sessions", "ZCARD"},
                                                         {"settlements", "tg:{*}:gen:*", ""},
                                                         {"settlements by time", "tg:{*}:settled", "ZCARD"}};
  for (const auto& part : parts)
    co_await print_memory(run.redis, part[0], part[1], part[2]);
  run.context.stop();
}

}  // namespace
}  // namespace tollgate

int main(int argc, char** argv) {
  using namespace tollgate;
  const std::int64_t records = argc > 2 ? std::atoll(argv[2]) : 1'000'000;
  const std::int64_t days = argc > 3 ? std::atoll(argv[3]) : 30;
  const int keys = argc > 4 ? std::atoi(argv[4]) : 50;
  if (argc < 2 || records < 0 || days < 1 || keys < 3) {
    fmt::print(stderr, "usage: tollgate-bench-activity ADDRESS [RECORDS] [DAYS] [KEYS, at least 3]\n");
    return 2;
  }
  RedisConfig redis;
  redis.address = argv[1];
  // Listing all names for their memory takes long.
  redis.command_timeout = std::chrono::seconds(60);
  asio::io_context context;
  Run run(context, redis, records, days, keys);
  asio::co_spawn(context, fill(run), asio::detached);
  context.run();
  return run.failures == 0 ? 0 : 1;
}
