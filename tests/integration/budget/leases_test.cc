// Holds are leases: renewed by checkpoints, and settled once at the last of them when their owner is gone.
#include "services/budget/lease_reaper.h"

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
    const std::int64_t before = reaper_.settled();
    EXPECT_TRUE(loop_.run(reaper_.sweep()).ok());
    return reaper_.settled() - before;
  }

  BudgetConfig config_;
  LeaseReaper reaper_{loop_.context(), redis_, config_};
};

TEST_F(LeasesTest, CheckpointsRenewAndOnlyRaise) {
  const std::string hash = create_key(100).key().hash();
  EXPECT_FALSE(checkpoint("gen-1", 5)->live());
  expect_ok(reserve(hash, "gen-1", 50));
  for (const auto& [cost, expected] : {std::pair{5, "5"}, {20, "20"}, {9, "20"}, {100, "100"}, {0, "100"}}) {
    expire("gen-1");
    EXPECT_TRUE(checkpoint("gen-1", cost)->live());
    EXPECT_EQ(text_of({"HGET", layout::hold("default", "gen-1"), "cost"}), expected);
    EXPECT_GT(std::stoll(text_of({"ZSCORE", layout::holds("default"), "gen-1"})), redis_now_ms() + 20000);
  }
  EXPECT_EQ(sweep(), 0);
  expect_ok(settle(hash, "gen-1", 7));
  EXPECT_FALSE(checkpoint("gen-1", 8)->live());
  EXPECT_EQ(redis_command({"ZCARD", layout::holds("default")}).integer, 0);
}

TEST_F(LeasesTest, AnExpiredHoldIsSettledAtItsLastCheckpoint) {
  const std::string hash = create_key(100).key().hash();
  expect_ok(reserve(hash, "gen-1", 50));
  expect_ok(reserve(hash, "gen-2", 30));
  expect_ok(checkpoint("gen-1", 20));
  expire("gen-1");
  EXPECT_EQ(sweep(), 1);
  EXPECT_EQ(sweep(), 0);
  EXPECT_EQ(reaper_.settled(), 1);
  v1::Key key = get_key(hash);
  EXPECT_EQ(key.usage_nano_usd(), 20);
  EXPECT_EQ(key.held_nano_usd(), 30);
  EXPECT_EQ(text_of({"GET", layout::settled("default", "gen-1")}),
            "20 " + std::to_string(v1::USAGE_SOURCE_LEASE_EXPIRED));
  // What comes later finds it settled.
  EXPECT_FALSE(checkpoint("gen-1", 40)->live());
  const auto late = settle(hash, "gen-1", 40);
  expect_ok(late);
  EXPECT_FALSE(late->applied());
  EXPECT_EQ(late->cost_nano_usd(), 20);
  EXPECT_EQ(get_key(hash).usage_nano_usd(), 20);
  EXPECT_EQ(total_usage(), 20);
}

TEST_F(LeasesTest, ASettlementBeforeTheSweepWins) {
  const std::string hash = create_key(100).key().hash();
  expect_ok(reserve(hash, "gen-1", 50));
  expire("gen-1");
  EXPECT_TRUE(settle(hash, "gen-1", 33)->applied());
  EXPECT_EQ(sweep(), 0);
  EXPECT_EQ(get_key(hash).usage_nano_usd(), 33);
}

TEST_F(LeasesTest, HoldsOfARemovedKeyAreSettledToTheTotal) {
  const std::string hash = create_key(100).key().hash();
  expect_ok(reserve(hash, "gen-1", 50));
  expect_ok(checkpoint("gen-1", 11));
  remove_key(hash);
  expire("gen-1");
  EXPECT_EQ(sweep(), 1);
  EXPECT_EQ(total_usage(), 11);
  EXPECT_EQ(redis_command({"EXISTS", layout::key_record("default", hash)}).integer, 0);
}

TEST_F(LeasesTest, TwoReapersSettleOnce) {
  constexpr int kHolds = 500;
  const std::string hash = create_key().key().hash();
  for (int i = 0; i < kHolds; ++i) {
    const std::string generation = "gen-" + std::to_string(i);
    expect_ok(reserve(hash, generation, 10));
    expect_ok(checkpoint(generation, 3));
    expire(generation);
  }
  RedisClient other_redis(loop_.context(), server_.config());
  LeaseReaper other(loop_.context(), other_redis, config_);
  const auto sweep_once = [](LeaseReaper& reaper) -> Awaitable<void> {
    const auto swept = co_await reaper.sweep();
    EXPECT_TRUE(swept.ok());
  };
  std::vector<Awaitable<void>> sweeps;
  for (int i = 0; i < 4; ++i)
    sweeps.push_back(sweep_once(i % 2 == 0 ? reaper_ : other));
  loop_.run_all(std::move(sweeps));
  EXPECT_EQ(reaper_.settled() + other.settled(), kHolds);
  EXPECT_EQ(get_key(hash).usage_nano_usd(), kHolds * 3);
  EXPECT_EQ(get_key(hash).held_nano_usd(), 0);
  EXPECT_EQ(redis_command({"ZCARD", layout::holds("default")}).integer, 0);
}

TEST_F(LeasesTest, EveryWorkspaceIsSwept) {
  for (const char* workspace : {"a", "b", "c"}) {
    v1::CreateKeyRequest create;
    create.set_name("ci");
    create.set_workspace(workspace);
    const auto key = loop_.run(keys_.create(create));
    expect_ok(key);
    expect_ok(reserve(key->key().hash(), "gen-1", 10));
    redis_command({"ZADD", layout::holds(workspace), "XX", "1", "gen-1"});
  }
  EXPECT_EQ(sweep(), 3);
}

TEST_F(LeasesTest, TheReaperRunsUntilCancelled) {
  config_.lease = milliseconds(150);
  RedisLedger ledger(redis_, config_);
  LeaseReaper reaper(loop_.context(), redis_, config_);
  const std::string hash = create_key(100).key().hash();
  const auto request = reservation(hash, "gen-1", 50);
  expect_ok(loop_.run(ledger.reserve(request)));
  asio::cancellation_signal signal;
  bool ended = false;
  asio::co_spawn(loop_.context(), reaper.run(),
                 asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr) { ended = true; }));
  EXPECT_TRUE(loop_.run_until([&] { return reaper.settled() == 1; }));
  EXPECT_EQ(get_key(hash).held_nano_usd(), 0);
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
  LeaseReaper reaper(loop_.context(), redis, config_);
  const std::string hash = create_key(100).key().hash();
  asio::cancellation_signal signal;
  bool ended = false;
  asio::co_spawn(loop_.context(), reaper.run(),
                 asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr) { ended = true; }));
  // It has been sweeping for a while.
  const auto first = reservation(hash, "gen-1", 50);
  expect_ok(loop_.run(ledger.reserve(first)));
  ASSERT_TRUE(loop_.run_until([&] { return reaper.settled() == 1; }));
  // The lease of this one runs out while Redis is away.
  const auto second = reservation(hash, "gen-2", 50);
  expect_ok(loop_.run(ledger.reserve(second)));
  server_.kill();
  EXPECT_FALSE(loop_.run_until([&] { return ended; }, config_.lease + milliseconds(800)));
  server_.start();
  // Its owner settles as soon as it can, and is not too late.
  EXPECT_TRUE(loop_.run_until([&] { return redis.ready(); }));
  EXPECT_FALSE(loop_.run_until([&] { return reaper.settled() > 1; }, config_.lease / 2));
  EXPECT_TRUE(settle(hash, "gen-2", 44)->applied());
  EXPECT_EQ(get_key(hash).usage_nano_usd(), 44);
  signal.emit(asio::cancellation_type::terminal);
  EXPECT_TRUE(loop_.run_until([&] { return ended; }));
}

}  // namespace
}  // namespace tollgate
