#include <gtest/gtest.h>

#include "services/router/health/rolling_counts.h"
#include "services/router/health/rolling_percentiles.h"

namespace tollgate::router {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(RollingCounts, HoldsThirtySeconds) {
  RollingCounts<2> counts;
  HealthTime now{seconds(77) + milliseconds(999)};
  for (int i = 0; i < 100; ++i) {
    counts.add(0, now);
    counts.add(1, now);
    counts.add(1, now);
    now += seconds(1);
  }
  now -= seconds(1);
  EXPECT_EQ(counts.sums(now), (RollingCounts<2>::Sums{30, 60}));
  now += seconds(29);
  EXPECT_EQ(counts.sums(now), (RollingCounts<2>::Sums{1, 2}));
  now += milliseconds(1);
  EXPECT_EQ(counts.sums(now), (RollingCounts<2>::Sums{0, 0}));
  counts.add(0, now + seconds(1000));
  EXPECT_EQ(counts.sums(now), (RollingCounts<2>::Sums{0, 0})) << "a clock that another thread read earlier";
}

TEST(RollingPercentiles, TheScaleHasEnds) {
  RollingPercentiles percentiles;
  const HealthTime now{seconds(500)};
  for (double value :
       {-1.0, 0.0, 0.05, 1e300, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()})
    percentiles.add(value, now);
  EXPECT_LT(*percentiles.at(0, now), 0.11);
  EXPECT_GT(*percentiles.at(100, now), 600'000);
  EXPECT_GT(*percentiles.at(1e9, now), 600'000);
}

TEST(RollingPercentiles, ManyValuesDoNotOverflow) {
  RollingPercentiles percentiles;
  const HealthTime now{seconds(500)};
  for (int i = 0; i < 200'000; ++i)
    percentiles.add(10, now);
  EXPECT_NEAR(*percentiles.at(50, now), 10, 0.4);
}

TEST(RollingPercentiles, OldValuesGoHalfAMinuteAtATime) {
  RollingPercentiles percentiles;
  HealthTime now{seconds(3000)};
  for (int minute = 0; minute < 20; ++minute) {
    for (int i = 0; i < 10; ++i)
      percentiles.add(minute < 10 ? 1000 : 10, now);
    now += seconds(60);
  }
  EXPECT_NEAR(*percentiles.at(100, now), 10, 0.4);
  now += seconds(180);
  EXPECT_NEAR(*percentiles.at(50, now), 10, 0.4) << "twenty values left, then ten";
  now += seconds(120);
  EXPECT_FALSE(percentiles.at(50, now).has_value());
}

}  // namespace
}  // namespace tollgate::router
