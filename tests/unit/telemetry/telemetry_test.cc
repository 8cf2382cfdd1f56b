#include "services/common/telemetry/telemetry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <thread>

#include "services/common/telemetry/process_metrics.h"
#include "tests/support/metrics/metrics_text.h"

namespace tollgate {
namespace {

using ::testing::HasSubstr;
using tollgate::testing::MetricsText;

TEST(Telemetry, CountsWhatIsAdded) {
  Telemetry telemetry;
  Counter& counter = telemetry.counter("a_total", "Help.");
  counter.Increment();
  counter.Increment(41);
  telemetry.gauge("b", "Help.").Set(-1.5);
  const MetricsText text(telemetry.text());
  EXPECT_EQ(text.value("a_total"), 42);
  EXPECT_EQ(text.value("b"), -1.5);
  EXPECT_EQ(text.types().at("a_total"), "counter");
  EXPECT_EQ(text.types().at("b"), "gauge");
}

TEST(Telemetry, TheSameNameIsTheSameFamily) {
  Telemetry telemetry;
  telemetry.counters("a_total", "Help.").Add({{"x", "1"}}).Increment();
  telemetry.counters("a_total", "Help.").Add({{"x", "1"}}).Increment();
  telemetry.counters("a_total", "Help.").Add({{"x", "2"}}).Increment();
  telemetry.histograms("h", "Help.", {1}).with({}).add(1);
  telemetry.histograms("h", "Help.", {1}).with({}).add(1);
  const MetricsText text(telemetry.text());
  EXPECT_EQ(text.value("a_total", {{"x", "1"}}), 2);
  EXPECT_EQ(text.count("a_total"), 2u);
  EXPECT_EQ(text.value("h_count"), 2);
}

TEST(Telemetry, HostileLabelsStayWithinTheirQuotes) {
  Telemetry telemetry;
  const std::string hostile = "a\"} 1\nevil_total 7\n\\";
  telemetry.counters("a_total", "Help.").Add({{"x", hostile}}).Increment();
  telemetry.histograms("h", "Help.", {1}).with({{"x", hostile}}).add(1);
  const MetricsText text(telemetry.text());
  EXPECT_EQ(text.value("a_total", {{"x", hostile}}), 1);
  EXPECT_EQ(text.value("h_count", {{"x", hostile}}), 1);
  EXPECT_EQ(text.count("evil_total"), 0u);
}

TEST(Telemetry, ASourceIsAskedForAsLongAsItIsRegistered) {
  Telemetry telemetry;
  int asked = 0;
  {
    const Telemetry::Registration registration = telemetry.add([&asked] {
      ++asked;
      prometheus::MetricFamily family{"s", "Help.", prometheus::MetricType::Gauge, {}};
      family.metric.emplace_back().gauge.value = asked;
      return std::vector<prometheus::MetricFamily>{family};
    });
    EXPECT_EQ(MetricsText(telemetry.text()).value("s"), 1);
    EXPECT_EQ(MetricsText(telemetry.text()).value("s"), 2);
  }
  EXPECT_EQ(MetricsText(telemetry.text()).count("s"), 0u);
  EXPECT_EQ(asked, 2);
}

TEST(Telemetry, ARegistrationThatWasMovedEndsOnce) {
  Telemetry telemetry;
  Telemetry::Registration first = telemetry.add([] { return std::vector<prometheus::MetricFamily>(); });
  { const Telemetry::Registration second = std::move(first); }
  const Telemetry::Registration third;
  EXPECT_EQ(telemetry.text(), "");
}

TEST(Counted, CountsForAsLongAsItLives) {
  Telemetry telemetry;
  Gauge& gauge = telemetry.gauge("g", "Help.");
  {
    const Counted one(gauge);
    const Counted two(gauge, 2);
    EXPECT_EQ(gauge.Value(), 3);
  }
  EXPECT_EQ(gauge.Value(), 0);
}

TEST(Histogram, AValueOnABoundBelongsToIt) {
  Telemetry telemetry;
  Histogram& histogram = telemetry.histograms("h", "Help.", {0.5, 1, 2}).with({{"x", "y"}});
  for (double value : {0.5, 0.500001, 1.0, 2.0, 2.1, 1e9})
    histogram.add(value);
  const std::string raw = telemetry.text();
  const MetricsText text(raw);
  EXPECT_EQ(text.types().at("h"), "histogram");
  EXPECT_EQ(text.value("h_bucket", {{"le", "0.5"}}), 1);
  EXPECT_EQ(text.value("h_bucket", {{"le", "1"}}), 3);
  EXPECT_EQ(text.value("h_bucket", {{"le", "2"}}), 4);
  EXPECT_EQ(text.value("h_bucket", {{"le", "+Inf"}}), 6);
  EXPECT_EQ(text.value("h_count"), 6);
  EXPECT_NEAR(text.value("h_sum"), 1e9 + 6.100001, 1);
  EXPECT_THAT(raw, HasSubstr("x=\"y\""));
}

TEST(Histogram, WhatIsNoNumberOrNegativeBreaksNothing) {
  Telemetry telemetry;
  Histogram& histogram = telemetry.histograms("h", "Help.", {1}).with({});
  histogram.add(-3);
  histogram.add(std::numeric_limits<double>::infinity());
  const MetricsText text(telemetry.text());
  EXPECT_EQ(text.value("h_bucket", {{"le", "1"}}), 1);
  EXPECT_EQ(text.value("h_bucket", {{"le", "+Inf"}}), 2);
}

TEST(Histogram, NothingIsLostBetweenThreads) {
  constexpr int kEach = 20000;
  Telemetry telemetry;
  Histogram& histogram = telemetry.histograms("h", "Help.", model_buckets()).with({});
  Counter& counter = telemetry.counter("c_total", "Help.");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < kEach; ++n) {
        histogram.add(0.25);
        counter.Increment();
      }
    });
  }
  // A scrape in between sees no bucket above the count.
  for (int i = 0; i < 20; ++i) {
    const MetricsText text(telemetry.text());
    EXPECT_EQ(text.value("h_bucket", {{"le", "+Inf"}}), text.value("h_count"));
  }
  for (std::thread& thread : threads)
    thread.join();
  const MetricsText text(telemetry.text());
  EXPECT_EQ(text.value("h_count"), 4 * kEach);
  EXPECT_EQ(text.value("h_sum"), 4 * kEach * 0.25);
  EXPECT_EQ(text.value("c_total"), 4 * kEach);
}

TEST(Buckets, Ascend) {
  for (const Buckets& buckets : {model_buckets(), call_buckets()}) {
    for (std::size_t i = 1; i < buckets.size(); ++i)
      EXPECT_LT(buckets[i - 1], buckets[i]);
  }
  EXPECT_EQ(model_buckets().front(), 0.05);
  EXPECT_EQ(model_buckets().back(), 600);
}

TEST(ProcessMetrics, AreThoseOfThisProcess) {
  Telemetry telemetry;
  const Telemetry::Registration registration = add_process_metrics(telemetry, "test");
  const MetricsText text(telemetry.text());
  EXPECT_EQ(text.value("tollgate_build_info", {{"service", "test"}}), 1);
  EXPECT_GT(text.value("process_cpu_seconds_total"), 0);
  EXPECT_GT(text.value("process_resident_memory_bytes"), 1e6);
  EXPECT_GE(text.value("process_virtual_memory_bytes"), text.value("process_resident_memory_bytes"));
  EXPECT_GE(text.value("process_open_fds"), 3);
  EXPECT_GE(text.value("process_max_fds"), text.value("process_open_fds"));
  EXPECT_GE(text.value("process_threads"), 1);
  EXPECT_GT(text.value("process_start_time_seconds"), 1.6e9);
}

}  // namespace
}  // namespace tollgate
