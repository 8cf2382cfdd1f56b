// Several limits at once, on the key and on the workspace above it; holds of the expected cost; rates per minute.
#include <fmt/format.h>

#include "services/budget/ledger_audit.h"
#include "tests/integration/budget/clocked_redis.h"
#include "tests/integration/budget/fixture.h"

namespace tollgate {
namespace {

using testing::HasSubstr;

std::string header_of(const v1::Failure& failure, std::string_view name) {
  for (const v1::Header& header : failure.headers()) {
    if (header.name() == name)
      return header.value();
  }
  return "";
}

class LimitsTest : public BudgetTest {
 protected:
  void set_time(std::int64_t now_ms) { expect_ok(loop_.run(clocked_.set_time(now_ms * 1000))); }

  std::string key_of(v1::CreateKeyRequest request) {
    request.set_name("ci");
    return create_key(request).key().hash();
  }

  absl::StatusOr<v1::ReserveReply> reserve_at(const v1::ReserveRequest& request) {
    return loop_.run(clocked_ledger_.reserve(request));
  }

  ClockedRedis clocked_{redis_};
  RedisLedger clocked_ledger_{clocked_, BudgetConfig()};
};

TEST_F(LimitsTest, TheTightestOfSeveralLimitsStops) {
  v1::CreateKeyRequest create;
  add_limit(*create.mutable_limits(), 10, v1::RESET_DAILY);
  add_limit(*create.mutable_limits(), 25, v1::RESET_MONTHLY);
  add_limit(*create.mutable_limits(), 30, v1::RESET_NONE);
  const std::string hash = key_of(create);
  expect_ok(reserve(hash, "gen-1", 10));
  EXPECT_THAT(std::string(reserve(hash, "gen-2", 1).status().message()), HasSubstr("(daily)"));
  expect_ok(settle(hash, "gen-1", 10));
  // Another day: the month has 15 left and the key 20.
  redis_command({"HINCRBY", layout::key_record("default", hash), "day", "-1"});
  expect_ok(reserve(hash, "gen-3", 10));
  expect_ok(settle(hash, "gen-3", 10));
  redis_command({"HINCRBY", layout::key_record("default", hash), "day", "-1"});
  EXPECT_THAT(std::string(reserve(hash, "gen-4", 6).status().message()), HasSubstr("(monthly)"));
  expect_ok(reserve(hash, "gen-5", 5));
  const v1::Key key = get_key(hash);
  ASSERT_EQ(key.limits_size(), 3);
  EXPECT_EQ(key.limits(0).remaining_nano_usd(), 5);
  EXPECT_EQ(key.limits(1).remaining_nano_usd(), 5);
  EXPECT_EQ(key.limits(2).remaining_nano_usd(), 0);
}

TEST_F(LimitsTest, KeysShareTheLimitOfTheirWorkspace) {
  create_workspace("team", 100, v1::RESET_MONTHLY);
  v1::CreateKeyRequest create;
  create.set_workspace("team");
  add_limit(*create.mutable_limits(), 80);
  const std::string first = key_of(create);
  const std::string second = key_of(create);
  expect_ok(reserve(first, "gen-1", 60));
  const auto refused = reserve(second, "gen-2", 41);
  EXPECT_EQ(kind_of(refused.status()), v1::Failure::KIND_BUDGET);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("for workspace \"team\""));
  expect_ok(reserve(second, "gen-2", 40));
  v1::SettleRequest settlement_request = settlement(first, "gen-1", 10);
  settlement_request.set_workspace("team");
  expect_ok(loop_.run(ledger_.settle(settlement_request)));
  expect_ok(reserve(second, "gen-3", 40));
  EXPECT_THAT(std::string(reserve(second, "gen-4", 10).status().message()), HasSubstr("for key \"ci\""));
  const v1::Workspace team = get_workspace("team");
  EXPECT_EQ(team.spend().usage_nano_usd(), 10);
  EXPECT_EQ(team.spend().held_nano_usd(), 80);
  EXPECT_EQ(team.keys(), 2);
}

TEST_F(LimitsTest, ManyAtOnceNeverPassTheLimitOfAWorkspace) {
  create_workspace("team", 700);
  std::vector<std::string> hashes;
  for (int i = 0; i < 8; ++i) {
    v1::CreateKeyRequest create;
    create.set_workspace("team");
    hashes.push_back(key_of(create));
  }
  int admitted = 0;
  const auto worker = [](RedisLedger& ledger, std::string key, int number, int& yes) -> Awaitable<void> {
    for (int i = 0; i < 20; ++i) {
      const auto request = reservation(key, fmt::format("gen-{}-{}", number, i), 7);
      const auto reply = co_await ledger.reserve(request);
      yes += reply.ok() ? 1 : 0;
    }
  };
  std::vector<Awaitable<void>> workers;
  for (int number = 0; number < 64; ++number)
    workers.push_back(worker(ledger_, hashes[static_cast<std::size_t>(number) % hashes.size()], number, admitted));
  loop_.run_all(std::move(workers));
  EXPECT_EQ(admitted, 100);
  EXPECT_EQ(get_workspace("team").spend().held_nano_usd(), 700);
}

TEST_F(LimitsTest, ARefusalSaysWhatWouldFit) {
  const std::string hash = create_key(10 * kUsd).key().hash();
  v1::ReserveRequest request;
  request.set_key_hash(hash);
  request.set_generation_id("gen-1");
  // $3 for the prompt, $15 per million tokens of output: 32,000 tokens are $0.48.
  const auto bound = [&](std::int64_t input, std::int64_t price) {
    v1::CostBound& added = *request.add_bounds();
    added.set_input_nano_usd(input);
    added.set_expected_input_nano_usd(input / 4);
    added.set_output_price(price);
    added.set_max_output_tokens(32'000);
  };
  bound(3 * kUsd, 15'000'000);
  expect_ok(loop_.run(ledger_.reserve(request)));
  EXPECT_EQ(get_key(hash).spend().held_nano_usd(), 3 * kUsd + 480'000'000);
  expect_ok(settle(hash, "gen-0", 3 * kUsd + 220'000'000));
  // $3.3 are left: ($3.3 - $3) / $15e-6 = 20,000 tokens.
  request.set_generation_id("gen-2");
  const auto refused = loop_.run(ledger_.reserve(request));
  const v1::Failure failure = failure_of(refused.status());
  EXPECT_EQ(failure.message(),
            "Spending limit reached for key \"ci\": $3.22 of $10 spent, $3.48 held by requests in flight, this request "
            "needs up to $3.48. It would fit now with max_tokens of at most 20000. It may fit when requests in flight "
            "have ended: try again shortly.");
  EXPECT_EQ(header_of(failure, "retry-after"), "5");
  EXPECT_EQ(header_of(failure, "x-should-retry"), "true");
  // The dearest endpoint decides.
  bound(3 * kUsd, 30'000'000);
  EXPECT_THAT(std::string(loop_.run(ledger_.reserve(request)).status().message()),
              HasSubstr("max_tokens of at most 10000."));
  bound(4 * kUsd, 1);
  EXPECT_THAT(std::string(loop_.run(ledger_.reserve(request)).status().message()), Not(HasSubstr("max_tokens")));
  // Spent, not held: waiting does not help.
  expect_ok(settle(hash, "gen-1", 7 * kUsd));
  const v1::Failure spent = failure_of(loop_.run(ledger_.reserve(request)).status());
  EXPECT_EQ(header_of(spent, "retry-after"), "");
  EXPECT_EQ(header_of(spent, "x-should-retry"), "false");
}

TEST_F(LimitsTest, AWaitHelpsOnlyWhenItHelpsWithEveryLimit) {
  create_workspace("team", 100);
  v1::CreateKeyRequest create;
  create.set_workspace("team");
  add_limit(*create.mutable_limits(), 60);
  const std::string hash = key_of(create);
  v1::SettleRequest spent = settlement(hash, "gen-0", 30);
  spent.set_workspace("team");
  expect_ok(loop_.run(ledger_.settle(spent)));
  expect_ok(reserve(hash, "gen-1", 30));
  // The key has 30 of 60 left when gen-1 ends; the workspace has 40 of 100 now.
  EXPECT_EQ(header_of(failure_of(reserve(hash, "gen-2", 30).status()), "retry-after"), "5");
  EXPECT_EQ(header_of(failure_of(reserve(hash, "gen-2", 31).status()), "retry-after"), "");
}

TEST_F(LimitsTest, HoldsOfTheExpectedCostAreLearned) {
  v1::CreateKeyRequest create;
  create.set_hold_mode(v1::HOLD_MODE_EXPECTED);
  add_limit(*create.mutable_limits(), 100 * kUsd);
  const std::string hash = key_of(create);
  int number = 0;
  const auto request_of = [&](const char* model, std::int64_t max_tokens = 32'000) {
    v1::ReserveRequest request;
    request.set_key_hash(hash);
    request.set_generation_id(fmt::format("gen-{}", ++number));
    request.set_model(model);
    v1::CostBound& bound = *request.add_bounds();
    bound.set_input_nano_usd(kUsd);
    bound.set_expected_input_nano_usd(kUsd / 10);
    bound.set_output_price(15'000'000);
    bound.set_max_output_tokens(max_tokens);
    return request;
  };
  const auto serve = [&](const char* model, std::int64_t output) {
    const v1::ReserveRequest request = request_of(model);
    const auto reply = loop_.run(ledger_.reserve(request));
    expect_ok(reply);
    v1::SettleRequest done = settlement(hash, request.generation_id(), 1000);
    done.mutable_usage()->set_output_tokens(output);
    expect_ok(loop_.run(ledger_.settle(done)));
    return reply->amount_nano_usd();
  };
  constexpr std::int64_t kWorst = kUsd + 480'000'000;
  // Nothing is known: the worst case, for as long as few are known.
  for (int i = 0; i < 32; ++i)
    EXPECT_EQ(serve("anthropic/claude-sonnet-4", 100 + i), kWorst);
  // 131 tokens lie in the bucket that ends at 182: $0.1 + 182 x $15e-6.
  EXPECT_EQ(serve("anthropic/claude-sonnet-4", 100), 100'000'000 + 182 * 15'000);
  // Another model has to be learned anew.
  EXPECT_EQ(serve("anthropic/claude-opus-4", 100), kWorst);
  // Never more than was asked for, and never more than the worst case.
  EXPECT_EQ(loop_.run(ledger_.reserve(request_of("anthropic/claude-sonnet-4", 10)))->amount_nano_usd(),
            100'000'000 + 10 * 15'000);
  // One in fifty is long: the percentile follows.
  for (int i = 0; i < 98; ++i)
    serve("anthropic/claude-sonnet-4", 120);
  serve("anthropic/claude-sonnet-4", 20'000);
  serve("anthropic/claude-sonnet-4", 20'000);
  EXPECT_EQ(loop_.run(ledger_.reserve(request_of("anthropic/claude-sonnet-4")))->amount_nano_usd(),
            100'000'000 + 23'171 * 15'000);
  // Old lengths fade.
  for (int i = 0; i < 2100; ++i)
    serve("anthropic/claude-sonnet-4", 120);
  EXPECT_EQ(loop_.run(ledger_.reserve(request_of("anthropic/claude-sonnet-4")))->amount_nano_usd(),
            100'000'000 + 128 * 15'000);
  EXPECT_TRUE(loop_.run(audit_ledger(redis_, "", false))->clean());
}

TEST_F(LimitsTest, AWorkspaceGivesTheModeToKeysWithoutOne) {
  const auto held_with = [&](v1::HoldMode of_workspace, v1::HoldMode of_key) {
    const std::string id = fmt::format("w{}{}", static_cast<int>(of_workspace), static_cast<int>(of_key));
    v1::CreateWorkspaceRequest space;
    space.set_id(id);
    space.set_hold_mode(of_workspace);
    expect_ok(loop_.run(workspaces_.create(space)));
    v1::CreateKeyRequest create;
    create.set_workspace(id);
    create.set_hold_mode(of_key);
    const std::string hash = key_of(create);
    redis_command({"HSET", layout::outputs(id, hash), "m", "100 0 100"});
    v1::ReserveRequest request = reservation(hash, "gen-1", 1000);
    request.set_model("m");
    request.mutable_bounds(0)->set_expected_input_nano_usd(10);
    return loop_.run(ledger_.reserve(request))->amount_nano_usd();
  };
  EXPECT_EQ(held_with(v1::HOLD_MODE_UNSPECIFIED, v1::HOLD_MODE_UNSPECIFIED), 1000);
  EXPECT_EQ(held_with(v1::HOLD_MODE_EXPECTED, v1::HOLD_MODE_UNSPECIFIED), 10);
  EXPECT_EQ(held_with(v1::HOLD_MODE_EXPECTED, v1::HOLD_MODE_STRICT), 1000);
  EXPECT_EQ(held_with(v1::HOLD_MODE_STRICT, v1::HOLD_MODE_EXPECTED), 10);
  EXPECT_EQ(held_with(v1::HOLD_MODE_UNSPECIFIED, v1::HOLD_MODE_EXPECTED), 10);
}

TEST_F(LimitsTest, RequestsPerMinute) {
  v1::CreateKeyRequest create;
  create.mutable_rate_limits()->set_requests_per_minute(6);
  const std::string hash = key_of(create);
  constexpr std::int64_t kStart = 1'795'564'800'000;
  set_time(kStart);
  for (int i = 0; i < 6; ++i) {
    const auto reply = reserve_at(reservation(hash, fmt::format("gen-{}", i), 1));
    expect_ok(reply);
    ASSERT_EQ(reply->rates_size(), 1);
    EXPECT_EQ(reply->rates(0).unit(), v1::RateState::UNIT_REQUESTS);
    EXPECT_EQ(reply->rates(0).limit(), 6);
    EXPECT_EQ(reply->rates(0).remaining(), 5 - i);
  }
  // One every ten seconds.
  set_time(kStart + 2500);
  const auto refused = reserve_at(reservation(hash, "gen-7", 1));
  const v1::Failure failure = failure_of(refused.status());
  EXPECT_EQ(failure.kind(), v1::Failure::KIND_RATE_LIMITED);
  EXPECT_EQ(failure.http_status(), 429U);
  EXPECT_EQ(failure.error_type(), "rate_limit_error");
  EXPECT_EQ(failure.message(), "Rate limit reached for key \"ci\": 6 requests per minute. Try again in 8 s.");
  EXPECT_EQ(header_of(failure, "retry-after"), "8");
  EXPECT_EQ(header_of(failure, "anthropic-ratelimit-requests-limit"), "6");
  EXPECT_EQ(header_of(failure, "anthropic-ratelimit-requests-remaining"), "0");
  EXPECT_THAT(header_of(failure, "anthropic-ratelimit-requests-reset"), testing::MatchesRegex("2...-..-..T..:..:..Z"));
  // Sent again, the admitted ones cost nothing.
  expect_ok(reserve_at(reservation(hash, "gen-3", 1)));
  set_time(kStart + 10'000);
  expect_ok(reserve_at(reservation(hash, "gen-7", 1)));
  EXPECT_FALSE(reserve_at(reservation(hash, "gen-8", 1)).ok());
  // No more than a minute's worth is saved up, and a clock that goes back gives nothing.
  set_time(kStart + 3'600'000);
  for (int i = 0; i < 6; ++i)
    expect_ok(reserve_at(reservation(hash, fmt::format("gen-b{}", i), 1)));
  EXPECT_FALSE(reserve_at(reservation(hash, "gen-9", 1)).ok());
  set_time(kStart);
  EXPECT_FALSE(reserve_at(reservation(hash, "gen-9", 1)).ok());
}

TEST_F(LimitsTest, TokensPerMinuteAreCorrectedBySettlements) {
  v1::CreateKeyRequest create;
  create.mutable_rate_limits()->set_tokens_per_minute(6000);
  const std::string hash = key_of(create);
  constexpr std::int64_t kStart = 1'795'564'800'000;
  set_time(kStart);
  const auto request_of = [&](const std::string& generation, std::int64_t tokens) {
    v1::ReserveRequest request = reservation(hash, generation, 1);
    request.set_expected_input_tokens(tokens);
    return request;
  };
  const auto settle_with = [&](const std::string& generation, std::int64_t input, std::int64_t output) {
    v1::SettleRequest request = settlement(hash, generation, 1);
    request.mutable_usage()->set_input_tokens(input);
    request.mutable_usage()->set_output_tokens(output);
    request.mutable_usage()->set_cache_read_tokens(1'000'000);
    expect_ok(loop_.run(clocked_ledger_.settle(request)));
  };
  auto reply = reserve_at(request_of("gen-1", 4000));
  expect_ok(reply);
  EXPECT_EQ(reply->rates(0).unit(), v1::RateState::UNIT_TOKENS);
  EXPECT_EQ(reply->rates(0).remaining(), 2000);
  const v1::Failure failure = failure_of(reserve_at(request_of("gen-2", 2100)).status());
  EXPECT_EQ(failure.message(), "Rate limit reached for key \"ci\": 6000 tokens per minute. Try again in 1 s.");
  EXPECT_EQ(header_of(failure, "anthropic-ratelimit-tokens-remaining"), "2000");
  // It took 1,500 less than expected; what came from a cache does not count.
  settle_with("gen-1", 2000, 500);
  reply = reserve_at(request_of("gen-2", 3500));
  expect_ok(reply);
  EXPECT_EQ(reply->rates(0).remaining(), 0);
  // And this one 6,000 more: a minute later the debt is just paid.
  settle_with("gen-2", 3500, 6000);
  set_time(kStart + 60'000);
  EXPECT_FALSE(reserve_at(request_of("gen-3", 1)).ok());
  set_time(kStart + 60'010);
  expect_ok(reserve_at(request_of("gen-3", 1)));
  settle_with("gen-3", 1, 0);
  // More than a whole minute's worth goes through when nothing else does.
  set_time(kStart + 300'000);
  expect_ok(reserve_at(request_of("gen-4", 50'000)));
  EXPECT_FALSE(reserve_at(request_of("gen-5", 1)).ok());
}

TEST_F(LimitsTest, AKeyThatManagesCannotInfer) {
  v1::CreateKeyRequest create;
  create.set_management(true);
  const std::string hash = key_of(create);
  const auto refused = reserve(hash, "gen-1", 0);
  EXPECT_EQ(kind_of(refused.status()), v1::Failure::KIND_PERMISSION_DENIED);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("management key"));
}

TEST_F(LimitsTest, PermissionsComeWithTheHold) {
  v1::CreateKeyRequest create;
  create.mutable_permissions()->add_models("anthropic/*");
  create.mutable_permissions()->add_providers("amazon-bedrock");
  const auto reply = reserve(key_of(create), "gen-1", 1);
  expect_ok(reply);
  EXPECT_EQ(reply->permissions().SerializeAsString(), create.permissions().SerializeAsString());
}

}  // namespace
}  // namespace tollgate
