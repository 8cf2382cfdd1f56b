// The ledger's arithmetic: who is admitted, what is held, what is charged, and that saying it twice changes nothing.
#include "tests/integration/budget/fixture.h"

namespace tollgate {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

using LedgerTest = BudgetTest;

// With every admission, the repeated one included, until they are taken away.
TEST_F(LedgerTest, ReserveDeliversThePreferences) {
  const std::string of_key = R"({"only":["a"]})";
  const std::string of_workspace = R"({"zdr":true})";
  create_workspace("team");
  v1::CreateKeyRequest create;
  create.set_name("ci");
  create.set_workspace("team");
  create.set_provider_preferences(of_key);
  const std::string hash = create_key(create).key().hash();
  const auto preferences = [&](const std::string& generation) {
    const auto reply = reserve(hash, generation, kUsd);
    expect_ok(reply);
    return std::vector<std::string>(reply->provider_preferences().begin(), reply->provider_preferences().end());
  };
  EXPECT_EQ(preferences("gen-1"), (std::vector<std::string>{of_key}));
  v1::UpdateWorkspaceRequest team;
  team.set_id("team");
  team.set_provider_preferences(of_workspace);
  expect_ok(loop_.run(workspaces_.update(team)));
  EXPECT_EQ(preferences("gen-1"), (std::vector<std::string>{of_key, of_workspace}));
  EXPECT_EQ(preferences("gen-2"), (std::vector<std::string>{of_key, of_workspace}));
  EXPECT_EQ(get_key(hash).workspace_provider_preferences(), of_workspace);
  v1::UpdateKeyRequest update;
  update.set_hash(hash);
  update.set_provider_preferences("{\"zdr\":1}");
  EXPECT_EQ(kind_of(loop_.run(keys_.update(update)).status()), v1::Failure::KIND_INVALID_REQUEST);
  update.set_provider_preferences("");
  expect_ok(loop_.run(keys_.update(update)));
  EXPECT_EQ(preferences("gen-3"), (std::vector<std::string>{of_workspace}));
}

TEST_F(LedgerTest, ReserveHoldsAndSettleCharges) {
  const std::string hash = create_key(10 * kUsd).key().hash();
  const auto reserved = reserve(hash, "gen-1", 4 * kUsd);
  expect_ok(reserved);
  EXPECT_EQ(reserved->workspace(), "default");
  EXPECT_EQ(reserved->lease_ms(), 30000);
  EXPECT_EQ(get_key(hash).spend().held_nano_usd(), 4 * kUsd);
  const auto settled = settle(hash, "gen-1", kUsd + 1);
  expect_ok(settled);
  EXPECT_TRUE(settled->applied());
  EXPECT_EQ(settled->cost_nano_usd(), kUsd + 1);
  const v1::Key key = get_key(hash);
  EXPECT_EQ(key.spend().held_nano_usd(), 0);
  EXPECT_EQ(key.spend().usage_nano_usd(), kUsd + 1);
  EXPECT_EQ(total_usage(), kUsd + 1);
  EXPECT_EQ(redis_command({"ZCARD", layout::holds("default")}).integer, 0);
  EXPECT_EQ(redis_command({"ZCARD", layout::settled("default")}).integer, 1);
  EXPECT_THAT(text_of({"GET", layout::generation("default", "gen-1")}),
              testing::StartsWith("s " + hash + " 1000000001 1 "));
}

TEST_F(LedgerTest, AdmitsUpToTheLimitAndNotOneNanoMore) {
  const std::string hash = create_key(1000).key().hash();
  expect_ok(settle(hash, "gen-1", 100));
  expect_ok(reserve(hash, "gen-2", 200));
  EXPECT_FALSE(reserve(hash, "gen-3", 701).ok());
  expect_ok(reserve(hash, "gen-4", 700));
  EXPECT_FALSE(reserve(hash, "gen-5", 1).ok());
  expect_ok(reserve(hash, "gen-6", 0));
  EXPECT_EQ(get_key(hash).spend().held_nano_usd(), 900);
}

TEST_F(LedgerTest, LargestAmountsStayExact) {
  const std::string hash = create_key(kMaxNanoUsd).key().hash();
  expect_ok(reserve(hash, "gen-1", kMaxNanoUsd));
  EXPECT_EQ(get_key(hash).spend().held_nano_usd(), kMaxNanoUsd);
  expect_ok(settle(hash, "gen-1", kMaxNanoUsd - 1));
  EXPECT_EQ(get_key(hash).spend().usage_nano_usd(), kMaxNanoUsd - 1);
  EXPECT_FALSE(reserve(hash, "gen-2", 2).ok());
  expect_ok(reserve(hash, "gen-3", 1));
  // Sums go on where doubles do not.
  const std::string unlimited = create_key().key().hash();
  expect_ok(settle(unlimited, "gen-4", kMaxNanoUsd));
  expect_ok(settle(unlimited, "gen-5", 1));
  EXPECT_EQ(get_key(unlimited).spend().usage_nano_usd(), kMaxNanoUsd + 1);
}

TEST_F(LedgerTest, ASpentLimitIsExplained) {
  struct Row {
    v1::Reset reset;
    std::int64_t settled;
    std::int64_t held;
    const char* text;
  };
  const std::vector<Row> rows = {
      {v1::RESET_DAILY, 9'500'000'000, 200'000'000,
       "Spending limit reached for key \"ci\": \\$9\\.5 of \\$10 \\(daily\\) spent, \\$0\\.2 held by requests in "
       "flight, "
       "this request needs up to \\$2\\.76\\. The limit resets at 2...-..-..T00:00:00Z\\."},
      {v1::RESET_WEEKLY, 10'000'000'000, 0,
       "Spending limit reached for key \"ci\": \\$10 of \\$10 \\(weekly\\) spent, this request needs up to "
       "\\$2\\.76\\. "
       "The limit resets at 2...-..-..T00:00:00Z\\."},
      {v1::RESET_MONTHLY, 10'000'000'000, 0,
       "Spending limit reached for key \"ci\": \\$10 of \\$10 \\(monthly\\) spent, this request needs up to "
       "\\$2\\.76\\. "
       "The limit resets at 2...-..-01T00:00:00Z\\."},
      {v1::RESET_NONE, 12'000'000'001, 0,
       "Spending limit reached for key \"ci\": \\$12\\.000000001 of \\$10 spent, this request needs up to \\$2\\.76\\. "
       "The limit does not reset: raise it to go on\\."},
  };
  int number = 0;
  for (const Row& row : rows) {
    SCOPED_TRACE(row.text);
    const std::string hash = create_key(10 * kUsd, row.reset).key().hash();
    const std::string prefix = "gen-" + std::to_string(number++);
    if (row.held > 0)
      expect_ok(reserve(hash, prefix + "-held", row.held));
    expect_ok(settle(hash, prefix + "-settled", row.settled));
    const auto refused = reserve(hash, prefix + "-refused", 2'760'000'000);
    ASSERT_FALSE(refused.ok());
    const v1::Failure failure = failure_of(refused.status());
    EXPECT_EQ(failure.kind(), v1::Failure::KIND_BUDGET);
    EXPECT_EQ(failure.http_status(), 402U);
    EXPECT_EQ(failure.error_type(), "billing_error");
    EXPECT_THAT(failure.message(), MatchesRegex(row.text));
  }
}

TEST_F(LedgerTest, ALimitCountsTheRunningPeriodOnly) {
  struct Row {
    v1::Reset reset;
    const char* field;
  };
  int number = 0;
  for (const Row& row : {Row{v1::RESET_DAILY, "day"}, Row{v1::RESET_WEEKLY, "week"}, Row{v1::RESET_MONTHLY, "month"}}) {
    SCOPED_TRACE(row.field);
    const std::string hash = create_key(10 * kUsd, row.reset).key().hash();
    const std::string prefix = "gen-" + std::to_string(number++);
    expect_ok(settle(hash, prefix + "-a", 10 * kUsd));
    expect_ok(reserve(hash, prefix + "-b", 0));
    EXPECT_EQ(kind_of(reserve(hash, prefix + "-c", 1).status()), v1::Failure::KIND_BUDGET);
    // The period passes.
    redis_command({"HINCRBY", layout::key_record("default", hash), row.field, "-1"});
    expect_ok(reserve(hash, prefix + "-e", 10 * kUsd));
    EXPECT_EQ(kind_of(reserve(hash, prefix + "-f", 1).status()), v1::Failure::KIND_BUDGET);
  }
}

TEST_F(LedgerTest, ReserveIsIdempotent) {
  const std::string hash = create_key(10).key().hash();
  const std::string other = create_key(10).key().hash();
  for (int i = 0; i < 3; ++i) {
    expect_ok(reserve(hash, "gen-1", 6));
    EXPECT_EQ(get_key(hash).spend().held_nano_usd(), 6);
  }
  const std::int64_t lease_end = std::stoll(text_of({"ZSCORE", layout::holds("default"), "gen-1"}));
  EXPECT_GT(lease_end, redis_now_ms() + 20000);
  for (const auto& conflict : {reserve(hash, "gen-1", 5), reserve(other, "gen-1", 6)}) {
    EXPECT_EQ(kind_of(conflict.status()), v1::Failure::KIND_INVALID_REQUEST);
    EXPECT_THAT(std::string(conflict.status().message()), HasSubstr("gen-1"));
  }
  EXPECT_EQ(get_key(hash).spend().held_nano_usd(), 6);
  EXPECT_EQ(get_key(other).spend().held_nano_usd(), 0);
  // Even when the key could take no new request.
  v1::UpdateKeyRequest disable;
  disable.set_hash(hash);
  disable.set_disabled(true);
  expect_ok(loop_.run(keys_.update(disable)));
  expect_ok(reserve(hash, "gen-1", 6));
  expect_ok(settle(hash, "gen-1", 1));
  EXPECT_EQ(kind_of(reserve(hash, "gen-1", 6).status()), v1::Failure::KIND_INVALID_REQUEST);
  EXPECT_EQ(get_key(hash).spend().held_nano_usd(), 0);
}

TEST_F(LedgerTest, SettleIsIdempotentAndTheFirstStands) {
  const std::string hash = create_key(10).key().hash();
  const std::string other = create_key(10).key().hash();
  expect_ok(reserve(hash, "gen-1", 6));
  EXPECT_EQ(kind_of(settle(other, "gen-1", 3).status()), v1::Failure::KIND_INVALID_REQUEST);
  EXPECT_TRUE(settle(hash, "gen-1", 3)->applied());
  for (const std::int64_t cost : {3, 4, 0}) {
    const auto again = settle(hash, "gen-1", cost);
    expect_ok(again);
    EXPECT_FALSE(again->applied());
    EXPECT_EQ(again->cost_nano_usd(), 3);
  }
  EXPECT_EQ(get_key(hash).spend().usage_nano_usd(), 3);
  EXPECT_EQ(total_usage(), 3);
}

TEST_F(LedgerTest, CostsAboveTheHoldAndAboveTheLimitAreCharged) {
  const std::string hash = create_key(10).key().hash();
  expect_ok(reserve(hash, "gen-1", 6));
  EXPECT_TRUE(settle(hash, "gen-1", 50)->applied());
  EXPECT_EQ(get_key(hash).spend().usage_nano_usd(), 50);
  EXPECT_EQ(kind_of(reserve(hash, "gen-2", 0).status()), v1::Failure::KIND_BUDGET);
}

TEST_F(LedgerTest, SpendIsKeptWithoutAHoldAndWithoutAKey) {
  const std::string hash = create_key(100).key().hash();
  EXPECT_TRUE(settle(hash, "gen-vanished", 5)->applied());
  EXPECT_EQ(get_key(hash).spend().usage_nano_usd(), 5);
  EXPECT_EQ(get_key(hash).spend().held_nano_usd(), 0);
  expect_ok(reserve(hash, "gen-1", 10));
  remove_key(hash);
  EXPECT_TRUE(settle(hash, "gen-1", 7)->applied());
  EXPECT_FALSE(settle(hash, "gen-1", 7)->applied());
  EXPECT_EQ(total_usage(), 12);
  // The record of a removed key does not come back.
  EXPECT_EQ(redis_command({"EXISTS", layout::key_record("default", hash)}).integer, 0);
  EXPECT_EQ(redis_command({"ZCARD", layout::holds("default")}).integer, 0);
}

TEST_F(LedgerTest, KeysThatCannotPay) {
  const auto unknown = reserve(std::string(64, 'a'), "gen-1", 1);
  EXPECT_EQ(kind_of(unknown.status()), v1::Failure::KIND_UNAUTHENTICATED);

  const std::string removed = create_key().key().hash();
  expect_ok(reserve(removed, "gen-2", 1));
  remove_key(removed);
  const auto refused = reserve(removed, "gen-3", 1);
  EXPECT_EQ(kind_of(refused.status()), v1::Failure::KIND_UNAUTHENTICATED);
  EXPECT_EQ(refused.status().message(), unknown.status().message());
  EXPECT_EQ(reserve("not a hash", "gen-4", 1).status().message(), unknown.status().message());

  v1::UpdateKeyRequest update;
  update.set_hash(create_key().key().hash());
  update.set_disabled(true);
  expect_ok(loop_.run(keys_.update(update)));
  const auto disabled = reserve(update.hash(), "gen-5", 1);
  EXPECT_EQ(kind_of(disabled.status()), v1::Failure::KIND_UNAUTHENTICATED);
  EXPECT_THAT(std::string(disabled.status().message()), HasSubstr("\"ci\" is disabled"));
  update.set_disabled(false);
  expect_ok(loop_.run(keys_.update(update)));
  expect_ok(reserve(update.hash(), "gen-5", 1));

  v1::CreateKeyRequest create;
  create.set_name("brief");
  create.set_expires_at_ms(redis_now_ms() + 300);
  const auto brief = loop_.run(keys_.create(create));
  expect_ok(brief);
  const std::string hash = brief->key().hash();
  EXPECT_TRUE(loop_.run_until([&] { return redis_now_ms() >= create.expires_at_ms(); }));
  const auto expired = reserve(hash, "gen-6", 1);
  EXPECT_EQ(kind_of(expired.status()), v1::Failure::KIND_UNAUTHENTICATED);
  EXPECT_THAT(std::string(expired.status().message()), HasSubstr("\"brief\" has expired at 2"));
}

TEST_F(LedgerTest, MalformedRequestsAreRefused) {
  const std::string hash = create_key().key().hash();
  for (const std::string& generation : {std::string(), std::string("a b"), std::string(129, 'g'), std::string("a\n")}) {
    EXPECT_EQ(kind_of(reserve(hash, generation, 1).status()), v1::Failure::KIND_INVALID_REQUEST);
    EXPECT_EQ(kind_of(settle(hash, generation, 1).status()), v1::Failure::KIND_INVALID_REQUEST);
    EXPECT_EQ(kind_of(checkpoint(hash, generation, 1).status()), v1::Failure::KIND_INVALID_REQUEST);
  }
  for (const std::int64_t amount : {std::int64_t{-1}, kMaxNanoUsd + 1}) {
    EXPECT_EQ(kind_of(reserve(hash, "gen-1", amount).status()), v1::Failure::KIND_INVALID_REQUEST);
    EXPECT_EQ(kind_of(settle(hash, "gen-1", amount).status()), v1::Failure::KIND_INVALID_REQUEST);
    EXPECT_EQ(kind_of(checkpoint(hash, "gen-1", amount).status()), v1::Failure::KIND_INVALID_REQUEST);
  }
  EXPECT_EQ(kind_of(settle("short", "gen-1", 1).status()), v1::Failure::KIND_INVALID_REQUEST);
  v1::SettleRequest elsewhere = settlement(hash, "gen-1", 1);
  elsewhere.set_workspace("a}b");
  EXPECT_EQ(kind_of(loop_.run(ledger_.settle(elsewhere)).status()), v1::Failure::KIND_INVALID_REQUEST);
  EXPECT_EQ(total_usage(), 0);
}

TEST_F(LedgerTest, ManyAtOnceNeverPassTheLimit) {
  constexpr int kWorkers = 64;
  constexpr int kTries = 20;
  constexpr std::int64_t kAmount = 7;
  constexpr std::int64_t kFits = 500;
  const std::string hash = create_key(kFits * kAmount + kAmount - 1).key().hash();
  int admitted = 0;
  int refused = 0;
  const auto worker = [](RedisLedger& ledger, std::string key, int number, int& yes, int& no) -> Awaitable<void> {
    for (int i = 0; i < kTries; ++i) {
      const auto request = reservation(key, "gen-" + std::to_string(number * kTries + i), kAmount);
      const auto reply = co_await ledger.reserve(request);
      if (!reply.ok()) {
        EXPECT_EQ(kind_of(reply.status()), v1::Failure::KIND_BUDGET);
      }
      (reply.ok() ? yes : no) += 1;
    }
  };
  // Two replicas.
  RedisClient other_redis(loop_.context(), server_.config());
  RedisLedger other_ledger(other_redis, BudgetConfig());
  std::vector<Awaitable<void>> workers;
  for (int number = 0; number < kWorkers; ++number)
    workers.push_back(worker(number % 2 == 0 ? ledger_ : other_ledger, hash, number, admitted, refused));
  loop_.run_all(std::move(workers));
  EXPECT_EQ(admitted, kFits);
  EXPECT_EQ(refused, kWorkers * kTries - kFits);
  EXPECT_EQ(get_key(hash).spend().held_nano_usd(), kFits * kAmount);

  // Settled at the full price three times over: the sum is exact and nothing is held.
  const auto holds = redis_command({"ZRANGE", layout::holds("default"), "0", "-1"});
  for (int round = 0; round < 3; ++round) {
    std::vector<Awaitable<void>> settlers;
    const auto settle_held = [](RedisLedger& ledger, std::string key, std::string generation) -> Awaitable<void> {
      const auto request = settlement(key, generation, kAmount);
      const auto reply = co_await ledger.settle(request);
      EXPECT_TRUE(reply.ok());
    };
    for (const RedisReply& hold : holds.elements)
      settlers.push_back(settle_held(round % 2 == 0 ? ledger_ : other_ledger, hash, hold.text));
    loop_.run_all(std::move(settlers));
  }
  const v1::Key key = get_key(hash);
  EXPECT_EQ(key.spend().usage_nano_usd(), kFits * kAmount);
  EXPECT_EQ(key.spend().held_nano_usd(), 0);
  EXPECT_EQ(total_usage(), kFits * kAmount);
}

}  // namespace
}  // namespace tollgate
