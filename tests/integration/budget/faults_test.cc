// Redis dies, freezes or forgets its scripts while money moves: every settlement arrives, once.
#include "services/budget/sweeper.h"
#include "services/budget/write_replay.h"
#include "tests/integration/budget/fixture.h"

namespace tollgate {
namespace {

constexpr std::int64_t kAmount = 100;
constexpr int kWorkers = 64;

// A request's life, by an owner that tries again when Redis is away.
struct Ledgers {
  RedisLedger& ledger;
  Timer timer;
  std::int64_t settled = 0;
  std::int64_t charged = 0;
  std::int64_t unavailable = 0;
};

template <class Call>
Awaitable<bool> until_done(Ledgers& state, Call call) {
  for (;;) {
    const auto reply = co_await call(state.ledger);
    if (reply.ok())
      co_return true;
    if (kind_of(reply.status()) != v1::Failure::KIND_UNAVAILABLE) {
      ADD_FAILURE() << reply.status().message();
      co_return false;
    }
    ++state.unavailable;
  }
}

class FaultsTest : public BudgetTest {
 protected:
  static Awaitable<void> worker(Ledgers& state, std::string key, int number, const bool& stop) {
    for (int i = 0; !stop; ++i) {
      const std::string generation = "gen-" + std::to_string(number) + "-" + std::to_string(i);
      const auto reserve_request = reservation(key, generation, kAmount);
      const auto reserve_call = [&](RedisLedger& ledger) { return ledger.reserve(reserve_request); };
      const bool reserved = co_await until_done(state, reserve_call);
      const std::int64_t cost = (number * 31 + i) % kAmount;
      const auto settle_request = settlement(key, generation, cost);
      const auto settle_call = [&](RedisLedger& ledger) { return ledger.settle(settle_request); };
      const bool settled = co_await until_done(state, settle_call);
      if (!reserved || !settled)
        co_return;
      ++state.settled;
      state.charged += cost;
    }
  }

  // Runs the workers, calls `disturb` after every 2000 settlements or so, four times, and compares the books.
  void run(const std::string& hash, const RedisConfig& config, const std::function<void()>& disturb) {
    RedisClient redis(loop_.context(), config);
    // A Redis that is killed while an fsync is under way has not even written what it acknowledged.
    WriteReplay writes(loop_.context(), redis);
    RedisLedger ledger(writes, BudgetConfig());
    Ledgers state{ledger, Timer(loop_.context().get_executor())};
    bool stop = false;
    int left = kWorkers;
    for (int number = 0; number < kWorkers; ++number) {
      asio::co_spawn(loop_.context(), worker(state, hash, number, stop), [&left](std::exception_ptr) { --left; });
    }
    for (int round = 1; round <= 4; ++round) {
      const std::int64_t goal = state.settled + 2000;
      ASSERT_TRUE(loop_.run_until([&] { return state.settled >= goal; }));
      disturb();
    }
    const std::int64_t goal = state.settled + 2000;
    ASSERT_TRUE(loop_.run_until([&] { return state.settled >= goal; }));
    stop = true;
    ASSERT_TRUE(loop_.run_until([&] { return left == 0; }));

    EXPECT_TRUE(loop_.run_until([&] { return get_key(hash).spend().usage_nano_usd() >= state.charged; }));
    const v1::Key key = get_key(hash);
    EXPECT_EQ(key.spend().usage_nano_usd(), state.charged);
    EXPECT_EQ(key.spend().usage_daily_nano_usd(), state.charged);
    EXPECT_EQ(total_usage(), state.charged);
    EXPECT_EQ(key.spend().held_nano_usd(), 0);
    EXPECT_EQ(redis_command({"ZCARD", layout::holds("default")}).integer, 0);
    RecordProperty("settled", static_cast<int>(state.settled));
    RecordProperty("unavailable", static_cast<int>(state.unavailable));
  }
};

TEST_F(FaultsTest, KilledAndStartedAgain) {
  const std::string hash = create_key(kUsd).key().hash();
  run(hash, server_.config(), [this] {
    server_.kill();
    server_.start();
  });
}

TEST_F(FaultsTest, AwayForLongerThanCommandsWait) {
  const std::string hash = create_key(kUsd).key().hash();
  RedisConfig config = server_.config();
  config.command_timeout = milliseconds(100);
  run(hash, config, [this] {
    server_.kill();
    loop_.run_until([] { return false; }, milliseconds(300));
    server_.start();
  });
}

TEST_F(FaultsTest, FrozenForLongerThanCommandsWait) {
  const std::string hash = create_key(kUsd).key().hash();
  RedisConfig config = server_.config();
  config.command_timeout = milliseconds(100);
  config.connect_timeout = milliseconds(50);
  run(hash, config, [this] {
    server_.freeze();
    loop_.run_until([] { return false; }, milliseconds(300));
    server_.thaw();
  });
}

TEST_F(FaultsTest, ConnectionsKilled) {
  const std::string hash = create_key(kUsd).key().hash();
  run(hash, server_.config(), [this] { redis_command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"}); });
}

TEST_F(FaultsTest, ScriptsFlushed) {
  const std::string hash = create_key(kUsd).key().hash();
  run(hash, server_.config(), [this] { redis_command({"SCRIPT", "FLUSH"}); });
}

TEST_F(FaultsTest, WritesRefused) {
  const std::string hash = create_key(kUsd).key().hash();
  redis_command({"CONFIG", "SET", "min-replicas-to-write", "1"});
  const auto refused = reserve(hash, "gen-1", 1);
  EXPECT_EQ(kind_of(refused.status()), v1::Failure::KIND_UNAVAILABLE);
  redis_command({"CONFIG", "SET", "min-replicas-to-write", "0", "maxmemory", "1", "maxmemory-policy", "noeviction"});
  EXPECT_EQ(kind_of(reserve(hash, "gen-1", 1).status()), v1::Failure::KIND_UNAVAILABLE);
  redis_command({"CONFIG", "SET", "maxmemory", "0"});
  expect_ok(reserve(hash, "gen-1", 1));
}

TEST_F(FaultsTest, LedgerAndKeysReportARedisThatIsAway) {
  const std::string hash = create_key(kUsd).key().hash();
  RedisConfig config = server_.config();
  config.command_timeout = milliseconds(100);
  RedisClient redis(loop_.context(), config);
  RedisLedger ledger(redis, BudgetConfig());
  RedisKeys keys(redis);
  Sweeper sweeper(loop_.context(), redis, BudgetConfig());
  server_.kill();
  const auto reserve_request = reservation(hash, "gen-1", 1);
  const auto settle_request = settlement(hash, "gen-1", 1);
  const auto checkpoint_request = checkpoint_of(hash, "gen-1", 1, 1);
  v1::CreateKeyRequest create;
  create.set_name("ci");
  v1::GetKeyRequest get;
  get.set_hash(hash);
  const v1::ListKeysRequest list;
  v1::UpdateKeyRequest update;
  update.set_hash(hash);
  v1::DeleteKeyRequest remove;
  remove.set_hash(hash);
  const std::vector<absl::Status> statuses = {loop_.run(ledger.reserve(reserve_request)).status(),
                                              loop_.run(ledger.settle(settle_request)).status(),
                                              loop_.run(ledger.checkpoint(checkpoint_request)).status(),
                                              loop_.run(keys.create(create)).status(),
                                              loop_.run(keys.get(get)).status(),
                                              loop_.run(keys.list(list)).status(),
                                              loop_.run(keys.update(update)).status(),
                                              loop_.run(keys.remove(remove)).status(),
                                              loop_.run(sweeper.sweep())};
  for (const absl::Status& status : statuses) {
    EXPECT_EQ(kind_of(status), v1::Failure::KIND_UNAVAILABLE) << status.message();
    EXPECT_EQ(failure_of(status).http_status(), 503U);
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr(server_.address()));
  }
}

}  // namespace
}  // namespace tollgate
