// The ledger over a failover: what was replicated is still there, and settled once.
#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "services/budget/redis_keys.h"
#include "services/budget/redis_ledger.h"
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

constexpr milliseconds kPatient{40000};

// A master's writes have all reached its replica.
bool replicated(std::uint16_t master, std::uint16_t replica, const std::string& password = "") {
  const std::vector<std::string> info = {"INFO", "replication"};
  const std::string written = info_field(tell_redis(master, info, password).text, "master_repl_offset");
  return testing::wait_until([&] {
    const std::string read = info_field(tell_redis(replica, info, password).text, "slave_repl_offset");
    return std::stoll(read) >= std::stoll(written);
  });
}

class RedisLedgerTest : public ::testing::Test {
 protected:
  v1::Key get(RedisKeys& keys, const std::string& hash) {
    v1::GetKeyRequest request;
    request.set_hash(hash);
    const auto key = loop_.run(keys.get(request));
    expect_ok(key);
    return key.ok() ? *key : v1::Key();
  }
  void settle(RedisLedger& ledger, const std::string& hash, const std::string& generation) {
    v1::SettleRequest request;
    request.set_workspace("default");
    request.set_key_hash(hash);
    request.set_generation_id(generation);
    request.set_cost_nano_usd(kNanoPerUsd);
    request.set_usage_source(v1::USAGE_SOURCE_REPORTED);
    expect_ok(loop_.run(ledger.settle(request)));
  }

  // `fail_over` returns when the old master of the workspace is dead.
  void expect_money_to_survive(RedisConfig config, const std::function<void()>& fail_over) {
    config.command_timeout = kPatient;
    const auto redis = make_redis(loop_.context(), config);
    RedisKeys keys(*redis);
    RedisLedger ledger(*redis, BudgetConfig());
    v1::CreateKeyRequest create;
    create.set_name("ci");
    create.set_limit_nano_usd(10 * kNanoPerUsd);
    const auto created = loop_.run(keys.create(create));
    expect_ok(created);
    ASSERT_TRUE(created.ok());
    const std::string hash = created->key().hash();
    for (const char* generation : {"one", "two"}) {
      v1::ReserveRequest reserve;
      reserve.set_key_hash(hash);
      reserve.set_generation_id(generation);
      reserve.set_amount_nano_usd(2 * kNanoPerUsd);
      expect_ok(loop_.run(ledger.reserve(reserve)));
    }
    settle(ledger, hash, "one");

    fail_over();
    settle(ledger, hash, "two");
    settle(ledger, hash, "one");
    const v1::Key key = get(keys, hash);
    EXPECT_EQ(key.usage_nano_usd(), 2 * kNanoPerUsd);
    EXPECT_EQ(key.held_nano_usd(), 0);
  }

  Loop loop_;
};

TEST_F(RedisLedgerTest, OverAFailoverOfSentinel) {
  SentinelGroup group;
  expect_money_to_survive(group.config(), [&] {
    ASSERT_TRUE(replicated(group.server(0).port(), group.server(1).port(), SentinelGroup::kPassword));
    group.server(0).kill();
  });
}

TEST_F(RedisLedgerTest, OverAFailoverInACluster) {
  RedisClusterServers servers;
  const std::size_t master = RedisClusterServers::owner_of(slot_of("default"));
  expect_money_to_survive(servers.config(), [&] {
    ASSERT_TRUE(
        replicated(servers.server(master).port(), servers.server(master + RedisClusterServers::kMasters).port()));
    servers.server(master).kill();
  });
}

}  // namespace
}  // namespace tollgate
