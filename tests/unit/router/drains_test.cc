// Streams that go on without their client.
#include "services/router/drains.h"

#include "tests/unit/router/router_testing.h"

namespace tollgate::router {
namespace {

using std::chrono::milliseconds;

constexpr std::int64_t kInput = 1'000;
constexpr std::int64_t kOutput = 2'000;

class DrainsTest : public RouterTest {
 protected:
  const v1::SettleRequest& settled() {
    EXPECT_EQ(ledger_.settled.size(), 1u);
    static const v1::SettleRequest none;
    return ledger_.settled.empty() ? none : ledger_.settled.front();
  }
  std::int64_t expected_input() const { return ledger_.reserved.at(0).expected_input_tokens(); }

  // Asks for the model of an upstream that bills after an abort, and leaves when `condition` holds.
  absl::Status ask_and_leave_when(std::function<bool()> condition) {
    during_ = [this, condition = std::move(condition)] {
      if (condition())
        leave();
    };
    return create(request(kDrained));
  }
  absl::Status ask_and_leave_after(const std::string& bytes) {
    return ask_and_leave_when([this, bytes] { return client_.bytes == bytes; });
  }

  // Content, then a pause at the gate, then the rest and a good end.
  static Attempt stream() {
    return {{head(), used(10, 1), committed(), data("one", 5)},
            {},
            true,
            {data("two", 5), data("three", 5), counted(10, 40), done()}};
  }
};

TEST_F(DrainsTest, WithAClientNothingIsDifferent) {
  adapter_.open = true;
  adapter_.script = {stream()};
  EXPECT_TRUE(create(request(kDrained)).ok());
  EXPECT_EQ(client_.bytes, "onetwothree");
  EXPECT_EQ(settled().usage_source(), v1::USAGE_SOURCE_REPORTED);
  EXPECT_EQ(settled().cost_nano_usd(), 10 * kInput + 40 * kOutput);
  EXPECT_EQ(client_.frames.back().done().cost_nano_usd(), settled().cost_nano_usd());
}

TEST_F(DrainsTest, FailuresMoveOn) {
  adapter_.open = true;
  adapter_.script = {{{head(), used(900, 1), data("lost")}, error(Failure::KIND_OVERLOADED, "no")}, stream()};
  EXPECT_TRUE(create(request(kDrained)).ok());
  EXPECT_EQ(client_.bytes, "onetwothree");
  EXPECT_EQ(settled().provider(), "z");
  EXPECT_EQ(settled().cost_nano_usd(), 10 * kInput + 40 * kOutput);
}

TEST_F(DrainsTest, AfterContentAFailureReachesTheClient) {
  adapter_.script = {{{head(), used(10, 1), committed(), data("one", 5)}, error(Failure::KIND_UNAVAILABLE, "cut")}};
  EXPECT_EQ(failure_of(create(request(kDrained))).message(), "cut");
  EXPECT_EQ(client_.bytes, "one");
  EXPECT_EQ(settled().cost_nano_usd(), 10 * kInput + 5 * kOutput);
}

TEST_F(DrainsTest, ACancelledClientsStreamIsReadToItsEnd) {
  adapter_.script = {stream()};
  EXPECT_FALSE(ask_and_leave_after("one").ok());
  EXPECT_EQ(router_->draining(), 1u);
  EXPECT_TRUE(ledger_.settled.empty());
  adapter_.open_gate();
  finish();
  EXPECT_EQ(client_.bytes, "one");
  EXPECT_EQ(settled().usage_source(), v1::USAGE_SOURCE_DRAINED);
  EXPECT_EQ(settled().cost_nano_usd(), 10 * kInput + 40 * kOutput);
  EXPECT_EQ(settled().usage().output_tokens(), 40);
  EXPECT_EQ(settled().model(), "a/d");
  EXPECT_EQ(settled().provider(), "x");
}

TEST_F(DrainsTest, SoIsThatOfAClientThatTakesNoMore) {
  client_.leaves_at = 1;
  adapter_.open = true;
  adapter_.script = {stream()};
  EXPECT_FALSE(create(request(kDrained)).ok());
  finish();
  EXPECT_EQ(client_.bytes, "one");
  EXPECT_EQ(settled().usage_source(), v1::USAGE_SOURCE_DRAINED);
  EXPECT_EQ(settled().cost_nano_usd(), 10 * kInput + 40 * kOutput);
}

TEST_F(DrainsTest, AnAnswerThatIsNotStreamedIsAwaited) {
  adapter_.script = {{{}, {}, true, {head(), counted(300, 70), committed(), data("{}"), done()}}};
  EXPECT_FALSE(ask_and_leave_when([&] { return adapter_.begun == 1; }).ok());
  adapter_.open_gate();
  finish();
  EXPECT_TRUE(client_.frames.empty());
  EXPECT_EQ(settled().usage_source(), v1::USAGE_SOURCE_DRAINED);
  EXPECT_EQ(settled().cost_nano_usd(), 300 * kInput + 70 * kOutput);
}

TEST_F(DrainsTest, WithoutAClientNoOtherUpstreamIsAsked) {
  adapter_.script = {{{head(), used(10, 1)}, error(Failure::KIND_OVERLOADED, "no"), true}, stream()};
  EXPECT_FALSE(ask_and_leave_when([&] { return adapter_.written == 2; }).ok());
  adapter_.open_gate();
  finish();
  EXPECT_EQ(adapter_.begun, 1);
  // It failed before its first token.
  EXPECT_EQ(settled().cost_nano_usd(), 0);
  EXPECT_EQ(settled().usage_source(), v1::USAGE_SOURCE_ESTIMATED);
}

TEST_F(DrainsTest, AStreamThatBreaksOffIsEstimated) {
  Attempt attempt = stream();
  attempt.rest = {data("two", 7)};
  attempt.status = error(Failure::KIND_UNAVAILABLE, "cut");
  adapter_.script = {attempt};
  EXPECT_FALSE(ask_and_leave_after("one").ok());
  adapter_.open_gate();
  finish();
  EXPECT_EQ(settled().usage_source(), v1::USAGE_SOURCE_ESTIMATED);
  EXPECT_EQ(settled().cost_nano_usd(), 10 * kInput + 12 * kOutput);
}

TEST_F(DrainsTest, OneTooManyIsAborted) {
  make_router({.streams = 1});
  adapter_.script = {stream(), stream()};
  EXPECT_FALSE(ask_and_leave_after("one").ok());
  EXPECT_EQ(router_->draining(), 1u);
  client_ = Client();
  EXPECT_FALSE(ask_and_leave_after("one").ok());
  EXPECT_EQ(router_->draining(), 1u);
  EXPECT_EQ(settled().usage_source(), v1::USAGE_SOURCE_ESTIMATED);
  EXPECT_EQ(settled().cost_nano_usd(), 10 * kInput + 5 * kOutput);
  ledger_.settled.clear();
  adapter_.open_gate();
  finish();
  EXPECT_EQ(settled().usage_source(), v1::USAGE_SOURCE_DRAINED);
  EXPECT_EQ(adapter_.ended, 1);
}

TEST_F(DrainsTest, NoneIsReadWhenNoneMay) {
  make_router({.streams = 0});
  adapter_.script = {{{}, {}, true}};
  EXPECT_FALSE(ask_and_leave_when([&] { return adapter_.begun == 1; }).ok());
  EXPECT_EQ(router_->unsettled(), 0u);
  EXPECT_EQ(settled().usage_source(), v1::USAGE_SOURCE_ESTIMATED);
  EXPECT_EQ(settled().cost_nano_usd(), expected_input() * kInput);
}

TEST_F(DrainsTest, ItsTimeIsLimited) {
  make_router({.time = milliseconds(20)});
  adapter_.script = {stream()};
  EXPECT_FALSE(ask_and_leave_after("one").ok());
  finish();
  EXPECT_EQ(adapter_.ended, 0);
  EXPECT_EQ(settled().usage_source(), v1::USAGE_SOURCE_ESTIMATED);
  EXPECT_EQ(settled().cost_nano_usd(), 10 * kInput + 5 * kOutput);
}

TEST_F(DrainsTest, TheLeaseIsKeptMeanwhile) {
  adapter_.script = {stream()};
  adapter_.script.front().rest = {data("two", 5)};
  adapter_.script.front().hangs_again = true;
  EXPECT_FALSE(ask_and_leave_after("one").ok());
  adapter_.open_gate();
  const auto renewed_with = [&](std::int64_t cost) {
    return run_until(
        [&] { return !ledger_.checkpoints.empty() && ledger_.checkpoints.back().cost_nano_usd() == cost; });
  };
  EXPECT_TRUE(renewed_with(10 * kInput + 10 * kOutput));
  const std::size_t before = ledger_.checkpoints.size();
  EXPECT_TRUE(run_until([&] { return ledger_.checkpoints.size() >= before + 3; }));
  EXPECT_TRUE(ledger_.settled.empty());
  // The shard stops while it still runs: what is left must not look for its router.
}

TEST_F(DrainsTest, ASlowClientHoldsItsUpstreamBack) {
  client_.slow = true;
  Timer slowness(context_, SteadyClock::time_point::max());
  client_.slowness = &slowness;
  adapter_.open = true;
  adapter_.script = {stream()};
  int steps = 0;
  int seen = 0;
  during_ = [&] {
    if (!client_.slow)
      return;
    seen = std::max(seen, adapter_.written);
    client_.slow = ++steps < 200;
    slowness.cancel();
    asio::post(context_, [] {});
  };
  EXPECT_TRUE(create(request(kDrained)).ok());
  // Head, usage and the begin of content; the first data was not taken.
  EXPECT_EQ(seen, 3);
  EXPECT_EQ(client_.bytes, "onetwothree");
}

TEST_F(DrainsTest, TheEndOfTheProcessWaitsForThem) {
  adapter_.script = {stream()};
  EXPECT_FALSE(ask_and_leave_after("one").ok());
  bool all = false;
  bool over = false;
  asio::co_spawn(context_.get_executor(), router_->settled(std::chrono::seconds(60)),
                 [&](std::exception_ptr, bool result) {
                   all = result;
                   over = true;
                 });
  Timer later(context_, milliseconds(30));
  later.async_wait([&](error_code) { adapter_.open_gate(); });
  EXPECT_TRUE(run_until([&] { return over; }));
  EXPECT_TRUE(all);
  EXPECT_EQ(settled().usage_source(), v1::USAGE_SOURCE_DRAINED);
}

TEST_F(DrainsTest, ButNotForEver) {
  adapter_.script = {stream()};
  EXPECT_FALSE(ask_and_leave_after("one").ok());
  bool all = false;
  bool over = false;
  asio::co_spawn(context_.get_executor(), router_->settled(milliseconds(60)), [&](std::exception_ptr, bool result) {
    all = result;
    over = true;
  });
  EXPECT_TRUE(run_until([&] { return over; }));
  EXPECT_TRUE(all);
  EXPECT_EQ(adapter_.ended, 0);
  EXPECT_EQ(settled().usage_source(), v1::USAGE_SOURCE_ESTIMATED);
  EXPECT_EQ(settled().cost_nano_usd(), 10 * kInput + 5 * kOutput);
}

// Wherever the client goes there is one settlement, and it is of the real usage once the request is under way.
TEST_F(DrainsTest, OnceAtWhateverMomentTheClientLeaves) {
  adapter_.open = true;
  int drained = 0;
  for (int moment = 0;; ++moment) {
    ledger_.settled.clear();
    ledger_.reserved.clear();
    client_ = Client();
    adapter_.begun = 0;
    adapter_.script = {stream()};
    int step = 0;
    during_ = [&] {
      if (step++ == moment)
        leave();
    };
    const absl::Status status = create(request(kDrained));
    finish();
    if (ledger_.reserved.empty())
      continue;
    ASSERT_EQ(ledger_.settled.size(), 1u) << moment;
    const std::int64_t real = 10 * kInput + 40 * kOutput;
    if (adapter_.begun > 0) {
      ASSERT_EQ(settled().cost_nano_usd(), real) << moment << settled().ShortDebugString();
    }
    drained += settled().usage_source() == v1::USAGE_SOURCE_DRAINED;
    if (status.ok()) {
      EXPECT_EQ(settled().usage_source(), v1::USAGE_SOURCE_REPORTED);
      break;
    }
  }
  EXPECT_GT(drained, 5);
}

}  // namespace
}  // namespace tollgate::router
