#include "services/router/health/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "services/common/base/errors.h"

namespace tollgate::router {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using v1::Failure;

v1::Endpoint endpoint(const std::string& upstream, const std::string& model = "m") {
  v1::Endpoint made;
  made.set_upstream(upstream);
  made.set_upstream_model(model);
  made.set_provider("p");
  return made;
}

Failure unreachable() {
  Failure failure = make_failure(Failure::KIND_UNAVAILABLE, "refused");
  failure.set_stage(Failure::STAGE_CONNECTION);
  return failure;
}

class HealthTest : public testing::Test {
 protected:
  // A second's fraction, so that buckets are not what they are by chance.
  HealthTime now_{seconds(1'000'000) + milliseconds(371)};
  std::map<std::string, UpstreamBounds> bounds_ = {{"a", {"host", 3, milliseconds(500)}},
                                                   {"b", {"host", 100, milliseconds(500)}},
                                                   {"c", {"other", 100, milliseconds(500)}}};
  Health health_{bounds_, [this] { return now_; }, [] { return 0.5; }};
  const v1::Endpoint a_ = endpoint("a");
  const v1::Endpoint b_ = endpoint("b");
  const v1::Endpoint c_ = endpoint("c");

  void fail(const v1::Endpoint& at, const Failure& failure = make_failure(Failure::KIND_OVERLOADED, "no")) {
    auto admission = health_.admit(at);
    ASSERT_TRUE(admission.ok()) << admission.status();
    admission->failed(failure);
  }
  void fail(const v1::Endpoint& at, FailureKind kind) { fail(at, make_failure(kind, "no")); }
  void succeed(const v1::Endpoint& at, Performance measured = {}) {
    auto admission = health_.admit(at);
    ASSERT_TRUE(admission.ok()) << admission.status();
    admission->succeeded(measured);
  }
  FailureKind refusal(const v1::Endpoint& at) { return failure_of(health_.admit(at).status()).kind(); }
};

TEST_F(HealthTest, WhatWasNeverUsedIsHealthy) {
  EXPECT_FALSE(health_.outage(a_));
  EXPECT_FALSE(health_.throughput(a_, 50).has_value());
  EXPECT_FALSE(health_.latency_ms(a_, 50).has_value());
  EXPECT_TRUE(health_.marks().empty());
}

TEST_F(HealthTest, ALoneFailureAmongHundredsIsNoOutage) {
  for (int i = 0; i < 300; ++i)
    succeed(a_);
  fail(a_);
  EXPECT_FALSE(health_.outage(a_));
  // Nor are some that chance scatters.
  for (int i = 0; i < 20; ++i) {
    fail(a_);
    fail(a_);
    succeed(a_);
  }
  EXPECT_FALSE(health_.outage(a_));
}

TEST_F(HealthTest, ALoneFailureWithNothingElseIsNone) {
  fail(a_);
  EXPECT_FALSE(health_.outage(a_));
  fail(a_);
  EXPECT_TRUE(health_.outage(a_));
}

TEST_F(HealthTest, TwoFailuresFarApartAreNone) {
  fail(a_);
  now_ += seconds(30);
  fail(a_);
  EXPECT_FALSE(health_.outage(a_));
}

TEST_F(HealthTest, HalfOfTheAttemptsFailing) {
  for (int i = 0; i < 3; ++i)
    succeed(a_);
  fail(a_);
  succeed(a_);
  fail(a_);
  EXPECT_FALSE(health_.outage(a_));
  fail(a_);
  EXPECT_FALSE(health_.outage(a_)) << "three of seven";
  fail(a_);
  EXPECT_TRUE(health_.outage(a_)) << "four of eight";
  EXPECT_TRUE(health_.view(a_).down);
}

TEST_F(HealthTest, FiveInARowAfterManySuccesses) {
  for (int i = 0; i < 1000; ++i)
    succeed(a_);
  for (int i = 0; i < 4; ++i)
    fail(a_);
  EXPECT_FALSE(health_.outage(a_));
  fail(a_);
  EXPECT_TRUE(health_.outage(a_));
}

TEST_F(HealthTest, AnOutageIsOverThirtySecondsAfterItsLastFailure) {
  fail(a_);
  fail(a_);
  now_ += seconds(20);
  EXPECT_TRUE(health_.outage(a_));
  fail(a_);
  now_ += milliseconds(29'999);
  EXPECT_TRUE(health_.outage(a_));
  now_ += milliseconds(1);
  EXPECT_FALSE(health_.outage(a_));
}

TEST_F(HealthTest, AfterAnOutageTheFirstFailureBeginsAnother) {
  fail(a_);
  fail(a_);
  now_ += seconds(100);
  EXPECT_FALSE(health_.outage(a_));
  fail(a_);
  EXPECT_TRUE(health_.outage(a_));
  now_ += seconds(100);
  succeed(a_);
  fail(a_);
  EXPECT_FALSE(health_.outage(a_));
}

TEST_F(HealthTest, OnlyTheUpstreamsOwnFailuresCount) {
  for (FailureKind kind : {Failure::KIND_INVALID_REQUEST, Failure::KIND_NOT_FOUND, Failure::KIND_TOO_LARGE,
                           Failure::KIND_CONTEXT_LENGTH, Failure::KIND_INTERNAL, Failure::KIND_BUDGET}) {
    for (int i = 0; i < 10; ++i)
      fail(a_, kind);
    EXPECT_FALSE(health_.outage(a_)) << kind;
  }
  Failure ours = make_failure(Failure::KIND_OVERLOADED, "all connections are busy");
  ours.set_stage(Failure::STAGE_GATEWAY);
  for (int i = 0; i < 10; ++i)
    fail(a_, ours);
  EXPECT_FALSE(health_.outage(a_));
  for (FailureKind kind :
       {Failure::KIND_OVERLOADED, Failure::KIND_UNAVAILABLE, Failure::KIND_TIMEOUT, Failure::KIND_UPSTREAM_AUTH}) {
    const v1::Endpoint other = endpoint("a", std::to_string(kind));
    fail(other, kind);
    fail(other, kind);
    EXPECT_TRUE(health_.outage(other)) << kind;
  }
  EXPECT_FALSE(health_.outage(a_)) << "of that endpoint only";
}

TEST_F(HealthTest, ARateLimitIsHonouredAndNoOutage) {
  Failure limited = make_failure(Failure::KIND_RATE_LIMITED, "slow down");
  limited.set_retry_after_ms(60'000);
  for (int i = 0; i < 10; ++i)
    fail(a_, limited);
  EXPECT_TRUE(health_.outage(a_));
  EXPECT_FALSE(health_.view(a_).down);
  EXPECT_EQ(health_.view(a_).rate_limited, 10u);
  EXPECT_EQ(health_.view(a_).failed, 0u);
  // A later, shorter one takes nothing away.
  limited.set_retry_after_ms(1'000);
  fail(a_, limited);
  now_ += milliseconds(59'999);
  EXPECT_TRUE(health_.outage(a_));
  now_ += milliseconds(1);
  EXPECT_FALSE(health_.outage(a_));
  fail(a_, Failure::KIND_RATE_LIMITED);
  EXPECT_TRUE(health_.outage(a_)) << "it does not say for how long";
  now_ += Health::kLimited;
  EXPECT_FALSE(health_.outage(a_));
}

TEST_F(HealthTest, AnOverloadThatAsksToBeLeftAloneIsLeftAlone) {
  succeed(a_);
  succeed(a_);
  Failure busy = make_failure(Failure::KIND_OVERLOADED, "no");
  busy.set_retry_after_ms(2'000);
  fail(a_, busy);
  EXPECT_TRUE(health_.outage(a_));
  EXPECT_FALSE(health_.view(a_).down);
  now_ += seconds(2);
  EXPECT_FALSE(health_.outage(a_));
}

TEST_F(HealthTest, WithoutAVerdictAnAttemptCountsAsNothing) {
  for (int i = 0; i < 10; ++i) {
    auto admission = health_.admit(a_);
    ASSERT_TRUE(admission.ok());
    EXPECT_EQ(health_.view(a_).in_flight, 1u);
  }
  EXPECT_EQ(health_.view(a_).in_flight, 0u);
  EXPECT_EQ(health_.view(a_).failed + health_.view(a_).succeeded, 0u);
}

TEST_F(HealthTest, InFlightIsBoundedForEachEndpoint) {
  std::vector<Health::Admission> running;
  for (int i = 0; i < 3; ++i)
    running.push_back(*health_.admit(a_));
  const Failure failure = failure_of(health_.admit(a_).status());
  EXPECT_EQ(failure.kind(), Failure::KIND_OVERLOADED);
  EXPECT_EQ(failure.http_status(), 529u);
  EXPECT_THAT(failure.message(), HasSubstr("upstreams.a.max_in_flight"));
  EXPECT_FALSE(health_.outage(a_)) << "no failure of the upstream";
  EXPECT_TRUE(health_.admit(endpoint("a", "another")).ok());
  running.pop_back();
  EXPECT_TRUE(health_.admit(a_).ok());
}

TEST_F(HealthTest, TheBreakerIsTheHosts) {
  for (int i = 0; i < Breaker::kFailures; ++i)
    fail(a_, unreachable());
  const Failure failure = failure_of(health_.admit(b_).status());
  EXPECT_EQ(failure.kind(), Failure::KIND_UNAVAILABLE);
  EXPECT_EQ(failure.http_status(), 503u);
  EXPECT_EQ(failure.retry_after_ms(), 1'000u);
  EXPECT_TRUE(health_.outage(b_));
  EXPECT_EQ(health_.view(b_).failed, 0u) << "a refusal is no failure";
  EXPECT_TRUE(health_.admit(c_).ok());

  now_ += seconds(1);
  EXPECT_FALSE(health_.outage(b_)) << "somebody must find out";
  {
    auto probe = health_.admit(b_);
    ASSERT_TRUE(probe.ok());
    EXPECT_EQ(refusal(a_), Failure::KIND_UNAVAILABLE) << "one at a time";
  }
  // The probe's client left: the next one probes.
  auto probe = health_.admit(a_);
  ASSERT_TRUE(probe.ok());
  probe->answered();
  EXPECT_TRUE(health_.admit(b_).ok());
}

TEST_F(HealthTest, AFailureThatIsAnAnswerClosesTheBreaker) {
  for (int i = 0; i < Breaker::kFailures; ++i)
    fail(c_, unreachable());
  now_ += seconds(1);
  fail(c_, Failure::KIND_OVERLOADED);
  EXPECT_TRUE(health_.admit(c_).ok());
  for (int i = 0; i < Breaker::kFailures - 1; ++i)
    fail(c_, unreachable());
  fail(c_, Failure::KIND_INVALID_REQUEST);
  fail(c_, unreachable());
  EXPECT_TRUE(health_.admit(c_).ok()) << "not in a row";
}

TEST_F(HealthTest, PercentilesOfTheLastFiveMinutes) {
  for (int i = 1; i <= 4; ++i)
    succeed(a_, {100.0 * i, 10.0 * i});
  EXPECT_FALSE(health_.latency_ms(a_, 50).has_value()) << "four are too few";
  for (int i = 5; i <= 100; ++i)
    succeed(a_, {100.0 * i, 10.0 * i});
  EXPECT_NEAR(*health_.latency_ms(a_, 50), 5'000, 200);
  EXPECT_NEAR(*health_.latency_ms(a_, 90), 9'000, 360);
  EXPECT_NEAR(*health_.throughput(a_, 10), 100, 4);
  EXPECT_NEAR(*health_.throughput(a_, 0), 10, 0.4);
  EXPECT_NEAR(*health_.throughput(a_, 100), 1000, 40);
  now_ += seconds(269);
  EXPECT_TRUE(health_.throughput(a_, 50).has_value());
  now_ += seconds(31);
  EXPECT_FALSE(health_.throughput(a_, 50).has_value());
}

TEST_F(HealthTest, WhatCannotBeMeasuredIsNotCounted) {
  for (int i = 0; i < 10; ++i)
    succeed(a_, {std::nullopt, 50});
  EXPECT_FALSE(health_.latency_ms(a_, 50).has_value());
  EXPECT_NEAR(*health_.throughput(a_, 50), 50, 2);
}

TEST_F(HealthTest, MarksAreWhatBeganHere) {
  fail(a_);
  fail(a_);
  now_ += seconds(10);
  std::vector<v1::Mark> marks = health_.marks();
  ASSERT_EQ(marks.size(), 1u);
  EXPECT_EQ(marks[0].upstream(), "a");
  EXPECT_EQ(marks[0].upstream_model(), "m");
  EXPECT_EQ(marks[0].provider(), "p");
  EXPECT_EQ(marks[0].lasts_ms(), 20'000);

  Health other({}, [this] { return now_; });
  other.merge(marks);
  EXPECT_TRUE(other.outage(a_)) << "it never failed there";
  EXPECT_FALSE(other.outage(b_));
  EXPECT_FALSE(other.view(a_).down);
  EXPECT_TRUE(other.marks().empty()) << "or two would tell each other forever";
  now_ += seconds(20);
  EXPECT_FALSE(other.outage(a_));
  EXPECT_TRUE(health_.marks().empty());
}

TEST_F(HealthTest, MarksAreNotBelievedWithoutBounds) {
  std::vector<v1::Mark> marks(Health::kMostEndpoints + 100);
  for (std::size_t i = 0; i < marks.size(); ++i) {
    marks[i].set_upstream(std::to_string(i));
    marks[i].set_lasts_ms(INT64_MAX / 2'000'000);
  }
  marks[0].set_lasts_ms(-5);
  health_.merge(marks);
  EXPECT_FALSE(health_.outage([] {
    v1::Endpoint first;
    first.set_upstream("0");
    return first;
  }()));
  EXPECT_TRUE(health_.outage([] {
    v1::Endpoint second;
    second.set_upstream("1");
    return second;
  }()));
  EXPECT_EQ(refusal(a_), Failure::KIND_OVERLOADED) << "it knows too many";
  now_ += std::chrono::hours(24);
  EXPECT_FALSE(health_.outage([] {
    v1::Endpoint second;
    second.set_upstream("1");
    return second;
  }()));
}

TEST_F(HealthTest, RetriesWhereThingsGoWellAreFree) {
  succeed(b_);
  for (int i = 0; i < 1000; ++i)
    EXPECT_TRUE(health_.may_retry(b_)) << i;
  for (int i = 0; i < 1000; ++i)
    EXPECT_TRUE(health_.may_retry(c_)) << "never used";
}

TEST_F(HealthTest, ElsewhereTheyHaveABudget) {
  fail(b_);
  for (int i = 0; i < 100; ++i)
    health_.begin_request();
  int granted = 0;
  for (int i = 0; i < 1000; ++i)
    granted += health_.may_retry(b_);
  EXPECT_EQ(granted, 10 + 100 / 5);
  now_ += seconds(30);
  granted = 0;
  fail(b_);
  for (int i = 0; i < 1000; ++i)
    granted += health_.may_retry(b_);
  EXPECT_EQ(granted, 10) << "the window has moved on";
}

TEST_F(HealthTest, ThreadsShareIt) {
  std::map<std::string, UpstreamBounds> bounds = {{"a", {"host", 2, milliseconds(500)}}};
  Health health(bounds);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 2000; ++i) {
        health.begin_request();
        auto admission = health.admit(a_);
        if (!admission.ok())
          continue;
        if (i % 7 == t)
          admission->failed(i % 2 == 0 ? unreachable() : make_failure(Failure::KIND_TIMEOUT, "no"));
        else
          admission->succeeded({i * 1.0, 5.0});
        health.may_retry(a_);
        health.outage(a_);
        health.latency_ms(a_, 50);
        health.merge(health.marks());
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(health.view(a_).in_flight, 0u);
}

}  // namespace
}  // namespace tollgate::router
