// The ledger over a failover: what was replicated is still there, and settled once.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "services/budget/ledger_audit.h"
#include "services/budget/redis_keys.h"
#include "services/budget/redis_ledger.h"
#include "services/budget/write_replay.h"
#include "services/common/base/money.h"
#include "services/common/redis/make_redis.h"
#include "services/common/redis/slots.h"
#include "tests/support/process/wait.h"
#include "tests/support/redis/ask_redis.h"
#include "tests/support/redis/cluster_servers.h"
#include "tests/support/redis/loop.h"
#include "tests/support/redis/sentinel_group.h"

namespace tollgate {
namespace {

// A master's writes have all reached its replica.
bool replicated(std::uint16_t master, std::uint16_t replica, const std::string& password = "") {
  const std::vector<std::string> info = {"INFO", "replication"};
  const std::string written = info_field(tell_redis(master, info, password).text, "master_repl_offset");
  return testing::wait_until([&] {
    const std::string read = info_field(tell_redis(replica, info, password).text, "slave_repl_offset");
    return std::stoll(read) >= std::stoll(written);
  });
}

constexpr int kWorkers = 32;
constexpr std::int64_t kAmount = 100;

class RedisLedgerTest : public ::testing::Test {
 protected:
  // What the owners of requests know of their money.
  struct Books {
    std::int64_t charged = 0;
    int settled = 0;
    bool stop = false;
  };

  // Requests of one owner, each tried until it is through.
  static Awaitable<void> spend(RedisLedger& ledger, std::string hash, int number, Books& books) {
    for (int i = 0; !books.stop; ++i) {
      v1::ReserveRequest reserve;
      reserve.set_key_hash(hash);
      reserve.set_generation_id(fmt::format("gen-{}-{}", number, i));
      v1::CostBound& bound = *reserve.add_bounds();
      bound.set_input_nano_usd(kAmount);
      absl::Status status;
      do {
        const auto reply = co_await ledger.reserve(reserve);
        status = reply.status();
      } while (kind_of(status) == v1::Failure::KIND_UNAVAILABLE);
      EXPECT_TRUE(status.ok()) << status.message();
      v1::SettleRequest settle;
      settle.set_workspace("default");
      settle.set_key_hash(hash);
      settle.set_generation_id(reserve.generation_id());
      settle.set_cost_nano_usd((number * 7 + i) % kAmount);
      settle.set_usage_source(v1::USAGE_SOURCE_REPORTED);
      do {
        const auto reply = co_await ledger.settle(settle);
        status = reply.status();
      } while (kind_of(status) == v1::Failure::KIND_UNAVAILABLE);
      EXPECT_TRUE(status.ok()) << status.message();
      books.charged += settle.cost_nano_usd();
      ++books.settled;
    }
  }

  // `replicate` returns when what was written so far has reached the replicas, `fail_over` when the master of the
  // workspace is dead. Replication is asynchronous: what the old master acknowledged last is lost with it.
  void expect_money_to_survive(const RedisConfig& config, const std::function<void()>& replicate,
                               const std::function<void()>& fail_over) {
    const auto redis = make_redis(loop_.context(), config);
    WriteReplay writes(loop_.context(), *redis);
    RedisKeys keys(*redis);
    RedisLedger ledger(writes, BudgetConfig());
    v1::CreateKeyRequest create;
    create.set_name("ci");
    v1::Limit& limit = *create.mutable_limits()->add_limits();
    limit.set_amount_nano_usd(10 * kNanoPerUsd);
    const auto created = loop_.run(keys.create(create));
    expect_ok(created);
    ASSERT_TRUE(created.ok());
    const std::string hash = created->key().hash();
    replicate();

    Books books;
    int running = kWorkers;
    for (int number = 0; number < kWorkers; ++number)
      asio::co_spawn(loop_.context(), spend(ledger, hash, number, books), [&](std::exception_ptr) { --running; });
    ASSERT_TRUE(loop_.run_until([&] { return books.settled > 2000; }));
    fail_over();
    const int before = books.settled;
    ASSERT_TRUE(loop_.run_until([&] { return books.settled > before + 2000; }));
    books.stop = true;
    ASSERT_TRUE(loop_.run_until([&] { return running == 0 && writes.replayed() > 0; }));

    v1::GetKeyRequest get;
    get.set_hash(hash);
    const auto key = loop_.run(keys.get(get));
    expect_ok(key);
    EXPECT_EQ(key->spend().usage_nano_usd(), books.charged);
    EXPECT_EQ(key->spend().held_nano_usd(), 0);
    const auto audit = loop_.run(audit_ledger(*redis, "", false));
    expect_ok(audit);
    EXPECT_TRUE(audit->clean());
    EXPECT_EQ(audit->settled, books.settled);
    RecordProperty("replayed", std::to_string(writes.replayed()));
  }

  Loop loop_;
};

TEST_F(RedisLedgerTest, OverAFailoverOfSentinel) {
  SentinelGroup group;
  const auto replicate = [&] {
    ASSERT_TRUE(replicated(group.server(0).port(), group.server(1).port(), SentinelGroup::kPassword));
  };
  expect_money_to_survive(group.config(), replicate, [&] { group.server(0).kill(); });
}

TEST_F(RedisLedgerTest, OverAFailoverInACluster) {
  RedisClusterServers servers;
  const std::size_t master = RedisClusterServers::owner_of(slot_of("default"));
  const auto replicate = [&] {
    for (std::size_t i = 0; i < RedisClusterServers::kMasters; ++i)
      ASSERT_TRUE(replicated(servers.server(i).port(), servers.server(i + RedisClusterServers::kMasters).port()));
  };
  expect_money_to_survive(servers.config(), replicate, [&] { servers.server(master).kill(); });
}

}  // namespace
}  // namespace tollgate
