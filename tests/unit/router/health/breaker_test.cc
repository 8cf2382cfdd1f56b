#include "services/router/health/breaker.h"

#include <gtest/gtest.h>

namespace tollgate::router {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class BreakerTest : public testing::Test {
 protected:
  HealthTime now_{seconds(5000)};
  Breaker breaker_{milliseconds(6000)};

  void fail(int times, std::uint64_t probe = 0, double jitter = 0.5) {
    for (int i = 0; i < times; ++i)
      breaker_.failed(probe, now_, jitter);
  }
};

TEST_F(BreakerTest, OpensAfterFailuresInARow) {
  fail(Breaker::kFailures - 1);
  breaker_.reached(0);
  fail(Breaker::kFailures - 1);
  EXPECT_TRUE(breaker_.ask(now_).granted);
  fail(1);
  EXPECT_FALSE(breaker_.ask(now_).granted);
  EXPECT_EQ(breaker_.pause(now_), Breaker::kFirstPause);
}

TEST_F(BreakerTest, ThePauseGrowsWithEachFailedProbeAndEnds) {
  fail(Breaker::kFailures);
  milliseconds pause = Breaker::kFirstPause;
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(breaker_.pause(now_), pause) << i;
    now_ += pause - milliseconds(1);
    EXPECT_FALSE(breaker_.ask(now_).granted);
    now_ += milliseconds(1);
    const Breaker::Pass pass = breaker_.ask(now_);
    ASSERT_TRUE(pass.granted);
    ASSERT_NE(pass.probe, 0u);
    fail(1, pass.probe);
    pause = std::min(2 * pause, Breaker::kLongestPause);
  }
  now_ += pause;
  breaker_.reached(breaker_.ask(now_).probe);
  EXPECT_EQ(breaker_.ask(now_).probe, 0u);
  fail(Breaker::kFailures);
  EXPECT_EQ(breaker_.pause(now_), Breaker::kFirstPause) << "it begins anew";
}

TEST_F(BreakerTest, JitterSpreadsTheProbes) {
  fail(Breaker::kFailures, 0, 0);
  EXPECT_EQ(breaker_.pause(now_), milliseconds(750));
  Breaker other{milliseconds(6000)};
  for (int i = 0; i < Breaker::kFailures; ++i)
    other.failed(0, now_, 1);
  EXPECT_EQ(other.pause(now_), milliseconds(1250));
}

TEST_F(BreakerTest, WhatBeganBeforeSaysNothing) {
  fail(Breaker::kFailures);
  now_ += milliseconds(500);
  fail(100);
  EXPECT_EQ(breaker_.pause(now_), milliseconds(500)) << "late failures do not prolong it";
  breaker_.reached(0);
  EXPECT_FALSE(breaker_.ask(now_).granted) << "nor does an answer over an old connection end it";
}

TEST_F(BreakerTest, OneProbeAtATime) {
  fail(Breaker::kFailures);
  now_ += seconds(1);
  const Breaker::Pass first = breaker_.ask(now_);
  EXPECT_TRUE(first.granted);
  EXPECT_FALSE(breaker_.ask(now_).granted);
  EXPECT_TRUE(breaker_.refuses(now_));
  breaker_.abandoned(first.probe);
  EXPECT_FALSE(breaker_.refuses(now_));
  const Breaker::Pass second = breaker_.ask(now_);
  EXPECT_TRUE(second.granted);
  // The first one's word comes too late.
  fail(1, first.probe);
  breaker_.reached(first.probe);
  breaker_.abandoned(first.probe);
  EXPECT_FALSE(breaker_.ask(now_).granted);
  breaker_.reached(second.probe);
  EXPECT_TRUE(breaker_.ask(now_).granted);
}

TEST_F(BreakerTest, AProbeThatWaitsForItsAnswerHasItsConnection) {
  fail(Breaker::kFailures);
  now_ += seconds(1);
  const Breaker::Pass probe = breaker_.ask(now_);
  now_ += milliseconds(5999);
  EXPECT_FALSE(breaker_.ask(now_).granted);
  EXPECT_EQ(breaker_.pause(now_), milliseconds(1));
  now_ += milliseconds(1);
  EXPECT_FALSE(breaker_.refuses(now_));
  EXPECT_EQ(breaker_.ask(now_).probe, 0u);
  EXPECT_TRUE(breaker_.ask(now_).granted);
  breaker_.abandoned(probe.probe);
  EXPECT_TRUE(breaker_.ask(now_).granted);
}

}  // namespace
}  // namespace tollgate::router
