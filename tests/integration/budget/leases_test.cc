// Holds are leases: renewed by checkpoints, and settled once at the last of them when their owner is gone.
#include "services/budget/sweeper.h"

#include <fmt/format.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "tests/integration/budget/fixture.h"

namespace tollgate {
namespace {

class LeasesTest : public BudgetTest {
 protected:
  // As if the lease of this hold had run out.
  void expire(const std::string& generation) {
    redis_command({"ZADD", layout::holds("default"), "XX", "1", generation});
  }
  // Holds settled by it.
  std::int64_t sweep() {
    const std::int64_t before = sweeper_.settled();
    EXPECT_TRUE(loop_.run(sweeper_.sweep()).ok());
    return sweeper_.settled() - before;
  }

  BudgetConfig config_;
  Sweeper sweeper_{loop_.context(), redis_, config_};
};

TEST_F(LeasesTest, CheckpointsRenewAndOnlyRaise) {
  const std::string hash = create_key(100).key().hash();
  expect_ok(reserve(hash, "gen-1", 50));
  for (const auto& [cost, expected] : {std::pair{5, 5}, {20, 20}, {9, 20}, {40, 40}, {0, 40}}) {
    expire("gen-1");
    EXPECT_TRUE(checkpoint(hash, "gen-1", cost)->live());
    EXPECT_EQ(text_of({"GET", layout::generation("default", "gen-1")}),
              fmt::format("h {} 50 50 {} 0 -", hash, expected));
    EXPECT_GT(std::stoll(text_of({"ZSCORE", layout::holds("default"), "gen-1"})), redis_now_ms() + 20000);
  }
  EXPECT_EQ(get_key(hash).spend().held_nano_usd(), 50);
  EXPECT_EQ(sweep(), 0);
  expect_ok(settle(hash, "gen-1", 7));
  EXPECT_FALSE(checkpoint(hash, "gen-1", 8)->live());
  EXPECT_EQ(redis_command({"ZCARD", layout::holds("default")}).integer, 0);
}

TEST_F(LeasesTest, ACostBeyondTheHoldIsHeld) {
  const std::string hash = create_key(100).key().hash();
  expect_ok(reserve(hash, "gen-1", 50));
  EXPECT_TRUE(checkpoint(hash, "gen-1", 80)->live());
  EXPECT_EQ(get_key(hash).spend().held_nano_usd(), 80);
  EXPECT_EQ(get_workspace().spend().held_nano_usd(), 80);
  EXPECT_FALSE(reserve(hash, "gen-2", 21).ok());
  expect_ok(settle(hash, "gen-1", 60));
  EXPECT_EQ(get_key(hash).spend().held_nano_usd(), 0);
  EXPECT_EQ(get_workspace().spend().held_nano_usd(), 0);
}

TEST_F(LeasesTest, AHoldThatRedisLostIsTakenAnewByTheNextCheckpoint) {
  const std::string hash = create_key(100).key().hash();
  EXPECT_TRUE(checkpoint(hash, "gen-1", 5, 50)->live());
  EXPECT_EQ(get_key(hash).spend().held_nano_usd(), 50);
  EXPECT_EQ(get_workspace().spend().held_nano_usd(), 50);
  expire("gen-1");
  EXPECT_EQ(sweep(), 1);
  EXPECT_EQ(get_key(hash).spend().usage_nano_usd(), 5);
  EXPECT_EQ(get_key(hash).spend().held_nano_usd(), 0);
  // The same of a key that is gone by now: nothing of it comes back.
  remove_key(hash);
  EXPECT_TRUE(checkpoint(hash, "gen-2", 5, 50)->live());
  EXPECT_TRUE(settle(hash, "gen-2", 6)->applied());
  EXPECT_EQ(redis_command({"EXISTS", layout::key_record("default", hash)}).integer, 0);
  EXPECT_EQ(get_workspace().spend().held_nano_usd(), 0);
  EXPECT_EQ(total_usage(), 11);
}

TEST_F(LeasesTest, AnExpiredHoldIsSettledAtItsLastCheckpoint) {
  const std::string hash = create_key(100).key().hash();
  expect_ok(reserve(hash, "gen-1", 50));
  expect_ok(reserve(hash, "gen-2", 30));
  expect_ok(checkpoint(hash, "gen-1", 20));
  expire("gen-1");
  EXPECT_EQ(sweep(), 1);
  EXPECT_EQ(sweep(), 0);
  EXPECT_EQ(sweeper_.settled(), 1);
  v1::Key key = get_key(hash);
  EXPECT_EQ(key.spend().usage_nano_usd(), 20);
  EXPECT_EQ(key.spend().held_nano_usd(), 30);
  EXPECT_THAT(text_of({"GET", layout::generation("default", "gen-1")}),
              testing::StartsWith(fmt::format("s {} 20 {} ", hash, static_cast<int>(v1::USAGE_SOURCE_LEASE_EXPIRED))));
  EXPECT_FALSE(checkpoint(hash, "gen-1", 40)->live());
}

TEST_F(LeasesTest, AnOwnerThatWasThoughtDeadBringsTheRealCost) {
  const std::string hash = create_key(1000).key().hash();
  for (const std::int64_t real : {40, 20, 3, 0}) {
    const std::string generation = "gen-" + std::to_string(real);
    const std::int64_t before = total_usage();
    expect_ok(reserve(hash, generation, 50));
    expect_ok(checkpoint(hash, generation, 20));
    expire(generation);
    EXPECT_EQ(sweep(), 1);
    EXPECT_EQ(total_usage(), before + 20);
    const auto late = settle(hash, generation, real);
    expect_ok(late);
    EXPECT_TRUE(late->applied());
    EXPECT_EQ(late->cost_nano_usd(), real);
    EXPECT_EQ(total_usage(), before + real);
    EXPECT_EQ(get_key(hash).spend().usage_daily_nano_usd(), before + real);
    // Once.
    EXPECT_FALSE(settle(hash, generation, 7)->applied());
    EXPECT_EQ(total_usage(), before + real);
  }
}

TEST_F(LeasesTest, ASettlementBeforeTheSweepWins) {
  const std::string hash = create_key(100).key().hash();
  expect_ok(reserve(hash, "gen-1", 50));
  expire("gen-1");
  EXPECT_TRUE(settle(hash, "gen-1", 33)->applied());
  EXPECT_EQ(sweep(), 0);
  EXPECT_EQ(get_key(hash).spend().usage_nano_usd(), 33);
}

TEST_F(LeasesTest, HoldsOfARemovedKeyAreSettledToTheTotal) {
  const std::string hash = create_key(100).key().hash();
  expect_ok(reserve(hash, "gen-1", 50));
  expect_ok(checkpoint(hash, "gen-1", 11));
  remove_key(hash);
  expire("gen-1");
  EXPECT_EQ(sweep(), 1);
  EXPECT_EQ(total_usage(), 11);
  EXPECT_EQ(redis_command({"EXISTS", layout::key_record("default", hash)}).integer, 0);
}

TEST_F(LeasesTest, TwoSweepersSettleOnce) {
  constexpr int kHolds = 500;
  const std::string hash = create_key().key().hash();
  for (int i = 0; i < kHolds; ++i) {
    const std::string generation = "gen-" + std::to_string(i);
    expect_ok(reserve(hash, generation, 10));
    expect_ok(checkpoint(hash, generation, 3));
    expire(generation);
  }
  RedisClient other_redis(loop_.context(), server_.config());
  Sweeper other(loop_.context(), other_redis, config_);
  const auto sweep_once = [](Sweeper& sweeper) -> Awaitable<void> {
    const auto swept = co_await sweeper.sweep();
    EXPECT_TRUE(swept.ok());
  };
  std::vector<Awaitable<void>> sweeps;
  for (int i = 0; i < 4; ++i)
    sweeps.push_back(sweep_once(i % 2 == 0 ? sweeper_ : other));
  loop_.run_all(std::move(sweeps));
  EXPECT_EQ(sweeper_.settled() + other.settled(), kHolds);
  EXPECT_EQ(get_key(hash).spend().usage_nano_usd(), kHolds * 3);
  EXPECT_EQ(get_key(hash).spend().held_nano_usd(), 0);
  EXPECT_EQ(redis_command({"ZCARD", layout::holds("default")}).integer, 0);
}

TEST_F(LeasesTest, EveryWorkspaceIsSwept) {
  for (const char* workspace : {"a", "b", "c"}) {
    v1::CreateKeyRequest create;
    create.set_name("ci");
    create.set_workspace(workspace);
    create_workspace(workspace);
    const auto key = loop_.run(keys_.create(create));
    expect_ok(key);
    expect_ok(reserve(key->key().hash(), "gen-1", 10));
    redis_command({"ZADD", layout::holds(workspace), "XX", "1", "gen-1"});
  }
  EXPECT_EQ(sweep(), 3);
}

TEST_F(LeasesTest, TheSweeperRunsUntilCancelled) {
  config_.lease = milliseconds(150);
  RedisLedger ledger(redis_, config_);
  Sweeper sweeper(loop_.context(), redis_, config_);
  const std::string hash = create_key(100).key().hash();
  const auto request = reservation(hash, "gen-1", 50);
  expect_ok(loop_.run(ledger.reserve(request)));
  asio::cancellation_signal signal;
  bool ended = false;
  asio::co_spawn(loop_.context(), sweeper.run(),
                 asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr) { ended = true; }));
  EXPECT_TRUE(loop_.run_until([&] { return sweeper.settled() == 1; }));
  EXPECT_EQ(get_key(hash).spend().held_nano_usd(), 0);
  EXPECT_FALSE(ended);
  signal.emit(asio::cancellation_type::terminal);
  EXPECT_TRUE(loop_.run_until([&] { return ended; }));
}

TEST_F(LeasesTest, AfterAnOutageTheOwnersComeFirst) {
  config_.lease = milliseconds(1200);
  RedisConfig patient = server_.config();
  patient.command_timeout = milliseconds(100);
  patient.connect_timeout = milliseconds(100);
  RedisClient redis(loop_.context(), patient);
  RedisLedger ledger(redis, config_);
  Sweeper sweeper(loop_.context(), redis, config_);
  const std::string hash = create_key(100).key().hash();
  asio::cancellation_signal signal;
  bool ended = false;
  asio::co_spawn(loop_.context(), sweeper.run(),
                 asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr) { ended = true; }));
  // It has been sweeping for a while.
  const auto first = reservation(hash, "gen-1", 50);
  expect_ok(loop_.run(ledger.reserve(first)));
  ASSERT_TRUE(loop_.run_until([&] { return sweeper.settled() == 1; }));
  // The lease of this one runs out while Redis is away.
  const auto second = reservation(hash, "gen-2", 50);
  expect_ok(loop_.run(ledger.reserve(second)));
  server_.kill();
  EXPECT_FALSE(loop_.run_until([&] { return ended; }, config_.lease + milliseconds(800)));
  server_.start();
  // Its owner settles as soon as it can, and is not too late.
  EXPECT_TRUE(loop_.run_until([&] { return redis.ready(); }));
  EXPECT_FALSE(loop_.run_until([&] { return sweeper.settled() > 1; }, config_.lease / 2));
  EXPECT_TRUE(settle(hash, "gen-2", 44)->applied());
  EXPECT_EQ(get_key(hash).spend().usage_nano_usd(), 44);
  signal.emit(asio::cancellation_type::terminal);
  EXPECT_TRUE(loop_.run_until([&] { return ended; }));
}

}  // namespace
}  // namespace tollgate
