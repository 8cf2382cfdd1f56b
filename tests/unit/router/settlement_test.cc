// What a generation is charged, however it ends.
#include "tests/unit/router/router_testing.h"

namespace tollgate::router {
namespace {

// Input costs 1,000 and output 2,000 nano-USD a token; the body's length is a multiple of four bytes.
constexpr std::int64_t kInput = 1'000;
constexpr std::int64_t kOutput = 2'000;

class SettlementTest : public RouterTest {
 protected:
  const v1::SettleRequest& settled() {
    EXPECT_EQ(ledger_.settled.size(), 1u);
    static const v1::SettleRequest none;
    return ledger_.settled.empty() ? none : ledger_.settled.front();
  }
  std::int64_t expected_input() const { return ledger_.reserved.at(0).expected_input_tokens(); }

  void cancel_when(std::function<bool()> condition) {
    during_ = [this, condition = std::move(condition)] {
      if (condition())
        leave();
    };
  }
};

TEST_F(SettlementTest, AfterContentAFailureEndsTheStream) {
  adapter_.script = {{{head(), used(10, 1), committed(), data("part", 30)}, error(Failure::KIND_UNAVAILABLE, "cut")}};
  EXPECT_EQ(failure_of(create()).message(), "cut");
  EXPECT_EQ(adapter_.sent.size(), 1u);
  EXPECT_EQ(settled().usage_source(), v1::USAGE_SOURCE_ESTIMATED);
  EXPECT_EQ(settled().cost_nano_usd(), 10 * kInput + 30 * kOutput);
  EXPECT_EQ(settled().usage().output_tokens(), 30);
}

TEST_F(SettlementTest, WithoutAnOutputTokenAFailureCostsNothing) {
  const std::vector<Attempt> endings = {
      {{head(), used(10, 1), committed(), data("start")}, error(Failure::KIND_UNAVAILABLE, "cut")},
      {{head(), used(10, 1), committed(), data("start")}, {}},
      {{head(), used(10, 1), committed(), data("start"), data("error"), done(true)}, {}},
  };
  for (const Attempt& ending : endings) {
    ledger_.settled.clear();
    adapter_.script = {ending};
    create().IgnoreError();
    EXPECT_EQ(settled().cost_nano_usd(), 0);
    EXPECT_EQ(settled().usage().ByteSizeLong(), 0u) << settled().ShortDebugString();
    EXPECT_EQ(settled().model(), "a/m");
    EXPECT_EQ(settled().provider(), "x");
    EXPECT_EQ(settled().usage_source(), v1::USAGE_SOURCE_ESTIMATED);
  }
}

TEST_F(SettlementTest, AFinalCountIsChargedThoughTheEndWasBad) {
  const std::vector<Attempt> endings = {
      {{head(), committed(), counted(10, 3)}, error(Failure::KIND_UNAVAILABLE, "cut")},
      {{head(), committed(), counted(10, 3), done(true)}, {}},
  };
  for (const Attempt& ending : endings) {
    ledger_.settled.clear();
    adapter_.script = {ending};
    create().IgnoreError();
    EXPECT_EQ(settled().cost_nano_usd(), 10 * kInput + 3 * kOutput);
    EXPECT_EQ(settled().usage_source(), v1::USAGE_SOURCE_REPORTED);
  }
}

TEST_F(SettlementTest, AWarmedCacheHasNoOutputAndIsCharged) {
  v1::Frame usage = counted(3, 0);
  usage.mutable_usage()->set_cache_write_5m_tokens(500);
  adapter_.script = {{{head(), usage, committed(), data("{}"), done()}, {}}};
  EXPECT_TRUE(create(request(R"({"model":"m","max_tokens":0})")).ok());
  EXPECT_EQ(settled().cost_nano_usd(), 503 * kInput);
  EXPECT_EQ(settled().usage_source(), v1::USAGE_SOURCE_REPORTED);
}

TEST_F(SettlementTest, AFinalCountBeatsWhatWasStreamed) {
  adapter_.script = {{{head(), used(10, 1), committed(), data("text", 500), counted(10, 20), done()}, {}}};
  EXPECT_TRUE(create().ok());
  EXPECT_EQ(settled().cost_nano_usd(), 10 * kInput + 20 * kOutput);
  EXPECT_EQ(client_.frames.back().done().cost_nano_usd(), settled().cost_nano_usd());
  EXPECT_EQ(client_.frames.back().done().usage().output_tokens(), 20);
}

TEST_F(SettlementTest, TheDoneFrameMayHaveTheLastWord) {
  v1::Frame end = done();
  *end.mutable_done()->mutable_usage() = counted(11, 7).usage();
  adapter_.script = {{{head(), used(10, 1), committed(), data("text", 5), end}, {}}};
  EXPECT_TRUE(create().ok());
  EXPECT_EQ(settled().cost_nano_usd(), 11 * kInput + 7 * kOutput);
}

// An upstream that counts nothing is not free.
TEST_F(SettlementTest, ACompletionWithoutACountIsEstimated) {
  adapter_.script = {{{head(), committed(), data("text", 4), done()}, {}}};
  EXPECT_TRUE(create().ok());
  EXPECT_GT(expected_input(), 0);
  EXPECT_EQ(settled().cost_nano_usd(), expected_input() * kInput + 4 * kOutput);
  EXPECT_EQ(settled().usage_source(), v1::USAGE_SOURCE_ESTIMATED);
  EXPECT_EQ(settled().usage().input_tokens(), expected_input());
}

TEST_F(SettlementTest, AClientThatLeavesIsChargedWhatItGot) {
  client_.leaves_at = 1;
  adapter_.script = {{{head(), used(10, 1), committed(), data("one", 5), data("two", 5), data("three", 5)}, {}}};
  EXPECT_FALSE(create().ok());
  EXPECT_EQ(settled().usage_source(), v1::USAGE_SOURCE_ESTIMATED);
  EXPECT_EQ(settled().cost_nano_usd(), 10 * kInput + 10 * kOutput);
}

TEST_F(SettlementTest, AClientThatLeavesEarlyDoesNotGetThePromptForFree) {
  adapter_.script = {{{}, {}, true}};
  cancel_when([&] { return adapter_.begun == 1; });
  EXPECT_FALSE(create().ok());
  EXPECT_EQ(adapter_.ended, 0);
  EXPECT_EQ(settled().cost_nano_usd(), expected_input() * kInput);
  EXPECT_EQ(settled().usage_source(), v1::USAGE_SOURCE_ESTIMATED);
  EXPECT_EQ(settled().provider(), "x");
}

TEST_F(SettlementTest, OneThatWritesToACacheAtThePriceOfThat) {
  adapter_.script = {{{}, {}, true}};
  cancel_when([&] { return adapter_.begun == 1; });
  EXPECT_FALSE(create(request(R"({"model":"m","cache_control":{"type":"ephemeral"}})")).ok());
  EXPECT_EQ(settled().usage().cache_write_5m_tokens(), expected_input());
  EXPECT_EQ(settled().usage().input_tokens(), 0);
}

TEST_F(SettlementTest, AReportWithoutAPromptHasNotCountedIt) {
  adapter_.script = {{{head(), used(0, 0), committed(), data("x", 3)}, {}, true}};
  cancel_when([&] { return client_.bytes == "x"; });
  EXPECT_FALSE(create().ok());
  EXPECT_EQ(settled().cost_nano_usd(), expected_input() * kInput + 3 * kOutput);
}

TEST_F(SettlementTest, AKnownPromptIsChargedAsKnown) {
  adapter_.script = {{{head(), used(7, 1), data("start")}, {}, true}};
  cancel_when([&] { return adapter_.written == 3; });
  EXPECT_FALSE(create().ok());
  EXPECT_EQ(settled().cost_nano_usd(), 7 * kInput + 1 * kOutput);
}

TEST_F(SettlementTest, AClientThatLeavesAfterTheFinalCountChangesNothing) {
  client_.leaves_at = 1;
  adapter_.script = {{{head(), used(10, 1), committed(), data("one", 5), counted(10, 4), data("end"), done()}, {}}};
  EXPECT_FALSE(create().ok());
  EXPECT_EQ(settled().cost_nano_usd(), 10 * kInput + 4 * kOutput);
  EXPECT_EQ(settled().usage_source(), v1::USAGE_SOURCE_REPORTED);
}

TEST_F(SettlementTest, CancellationSettlesAndReachesTheAdapter) {
  adapter_.script = {{{head(), used(10, 1), committed(), data("one", 5)}, {}, true}};
  cancel_when([&] { return client_.bytes == "one"; });
  EXPECT_FALSE(create().ok());
  EXPECT_EQ(adapter_.ended, 0);
  EXPECT_EQ(settled().cost_nano_usd(), 10 * kInput + 5 * kOutput);
}

TEST_F(SettlementTest, AClientThatLeavesBetweenTwoAttemptsPaysForTheSecondAlone) {
  adapter_.script = {{{head(), used(900, 1)}, error(Failure::KIND_OVERLOADED, "no")},
                     {{head(), used(10, 1)}, {}, true}};
  cancel_when([&] { return adapter_.begun == 2 && adapter_.written == 4; });
  EXPECT_FALSE(create().ok());
  EXPECT_EQ(settled().cost_nano_usd(), 10 * kInput + 1 * kOutput);
  EXPECT_EQ(settled().provider(), "y");
}

TEST_F(SettlementTest, AnEstimateStaysWithinTheHold) {
  adapter_.script = {
      {{head(), used(10, 1), committed(), data("part", 1'000'000)}, error(Failure::KIND_UNAVAILABLE, "cut")}};
  EXPECT_FALSE(create().ok());
  EXPECT_EQ(settled().cost_nano_usd(), ledger_.held.at(0));
}

// A hold of mode `expected` may be smaller than the prompt.
TEST_F(SettlementTest, WhatTheUpstreamHasReportedIsNoEstimate) {
  adapter_.script = {{{head(), used(50'000, 1), committed(), data("x", 1'000)}, error(Failure::KIND_UNAVAILABLE, "")}};
  EXPECT_FALSE(create().ok());
  EXPECT_GT(50'000 * kInput, ledger_.held.at(0));
  EXPECT_EQ(settled().cost_nano_usd(), 50'000 * kInput + 1 * kOutput);
}

TEST_F(SettlementTest, AFinalCountMayPassTheHold) {
  adapter_.script = {{{head(), committed(), data("{}"), counted(1'000'000, 1), done()}, {}}};
  EXPECT_TRUE(create().ok());
  EXPECT_EQ(settled().cost_nano_usd(), 1'000'000 * kInput + 1 * kOutput);
}

TEST_F(SettlementTest, SettlementsWaitUntilTheLedgerIsBack) {
  ledger_.settle_failures = 2;
  adapter_.script = {{{head(), counted(1, 1), committed(), data("x"), done()}, {}}};
  EXPECT_TRUE(create().ok());
  EXPECT_EQ(ledger_.settled.size(), 1u);
  EXPECT_EQ(router_->unsettled(), 0u);
}

// Its note lets go of the hold that may be there.
TEST_F(SettlementTest, ALedgerThatDoesNotAnswerIsToldUntilItDoes) {
  ledger_.refuse = error(v1::Failure::KIND_UNAVAILABLE, "Redis is away");
  ledger_.note_failures = 5;
  EXPECT_FALSE(create().ok());
  EXPECT_EQ(ledger_.noted.size(), 1U);
}

TEST_F(SettlementTest, TheRecordOfARefusalIsWorthAFewAttempts) {
  ledger_.refuse = error(v1::Failure::KIND_BUDGET, "spent");
  ledger_.note_failures = 5;
  EXPECT_FALSE(create().ok());
  EXPECT_TRUE(ledger_.noted.empty());
}

// Wherever the client goes, there is one settlement, and never of less than what it had been told.
TEST_F(SettlementTest, OnceAtWhateverMomentTheClientLeaves) {
  const std::vector<v1::Frame> frames = {head(),       used(10, 1),    committed(),    data("a", 5),
                                         data("b", 5), counted(10, 9), data("end", 0), done()};
  for (int moment = 0;; ++moment) {
    ledger_.settled.clear();
    ledger_.reserved.clear();
    client_ = Client();
    adapter_.script = {{frames, {}}};
    int step = 0;
    during_ = [&] {
      if (step++ == moment)
        leave();
    };
    const absl::Status status = create();
    if (ledger_.reserved.empty())
      continue;
    ASSERT_EQ(ledger_.settled.size(), 1u) << moment;
    if (status.ok()) {
      EXPECT_EQ(settled().cost_nano_usd(), 10 * kInput + 9 * kOutput);
      break;
    }
  }
}

// Checkpoints.

TEST_F(SettlementTest, LeasesAreRenewedWithTheCostSoFar) {
  adapter_.script = {{{head(), used(10, 1), committed(), data("one", 5)}, {}, true}};
  cancel_when([&] { return ledger_.checkpoints.size() == 3; });
  EXPECT_FALSE(create().ok());
  ASSERT_GE(ledger_.checkpoints.size(), 3u);
  const v1::CheckpointRequest& last = ledger_.checkpoints[2];
  EXPECT_EQ(last.cost_nano_usd(), 10 * kInput + 5 * kOutput);
  EXPECT_EQ(last.generation_id(), settled().generation_id());
  EXPECT_EQ(last.workspace(), "default");
  EXPECT_EQ(last.key_hash(), settled().key_hash());
  EXPECT_EQ(last.amount_nano_usd(), ledger_.held.at(0));
}

TEST_F(SettlementTest, TheFirstCheckpointComesAfterASecondAndTheNextWithTheNextCost) {
  ledger_.lease_ms = 60'000;
  adapter_.script = {{{head(), used(10, 1)}, {}, true, {committed(), data("one", 5), counted(10, 5), done()}}};
  const auto begin = SteadyClock::now();
  std::vector<std::int64_t> at_ms;
  ledger_.on_checkpoint = [&] {
    at_ms.push_back((SteadyClock::now() - begin) / std::chrono::milliseconds(1));
    // A second without any change, and then one with.
    if (at_ms.size() == 1)
      return;
    leave();
  };
  adapter_.script.front().rest = {committed(), data("one", 5)};
  Timer later(context_, std::chrono::milliseconds(2'500));
  later.async_wait([&](error_code) { adapter_.open_gate(); });
  adapter_.script.front().hangs_again = true;
  EXPECT_FALSE(create().ok());
  ASSERT_EQ(at_ms.size(), 2u);
  EXPECT_GE(at_ms[0], 1'000);
  EXPECT_LT(at_ms[0], 2'000);
  // None at two seconds: nothing had changed.
  EXPECT_GE(at_ms[1], 2'500);
  EXPECT_LT(at_ms[1], 4'000);
  EXPECT_EQ(ledger_.checkpoints[1].cost_nano_usd(), 10 * kInput + 5 * kOutput);
}

TEST_F(SettlementTest, AShortRequestSendsNoCheckpoint) {
  ledger_.lease_ms = 60'000;
  adapter_.script = {{{head(), counted(1, 1), committed(), data("x"), done()}, {}}};
  EXPECT_TRUE(create().ok());
  EXPECT_TRUE(ledger_.checkpoints.empty());
}

}  // namespace
}  // namespace tollgate::router
