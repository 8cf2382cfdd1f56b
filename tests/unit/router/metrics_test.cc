#include "services/router/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <ctime>

#include "tests/support/metrics/metrics_text.h"

namespace tollgate::router {
namespace {

using ::testing::UnorderedElementsAre;
using tollgate::testing::MetricsText;

class MetricsTest : public ::testing::Test {
 protected:
  static v1::SettleRequest settlement(const std::string& model = "a/m", const std::string& provider = "p") {
    v1::SettleRequest request;
    request.set_cost_nano_usd(1'500'000'000);
    request.set_usage_source(v1::USAGE_SOURCE_REPORTED);
    v1::Usage& usage = *request.mutable_usage();
    usage.set_input_tokens(1);
    usage.set_output_tokens(2);
    usage.set_cache_read_tokens(3);
    usage.set_cache_write_5m_tokens(4);
    usage.set_cache_write_1h_tokens(5);
    v1::ActivityRecord& record = *request.mutable_record();
    record.set_model(model);
    record.set_provider(provider);
    record.set_api("messages");
    record.set_status(200);
    record.set_first_token_ms(200);
    record.set_duration_ms(40'000);
    add_attempt(record, provider, "ok");
    return request;
  }
  static void add_attempt(v1::ActivityRecord& record, const std::string& provider, const std::string& kind) {
    v1::AttemptRecord& attempt = *record.add_attempts();
    attempt.set_provider(provider);
    attempt.set_kind(kind);
  }
  MetricsText text() const { return MetricsText(telemetry_.text()); }

  Telemetry telemetry_;
  Metrics metrics_{telemetry_, [](std::string_view model) { return model.substr(0, 2) == "a/"; }};
};

TEST_F(MetricsTest, ASettlementCountsByModelAndProvider) {
  metrics_.settled(settlement());
  metrics_.settled(settlement());
  metrics_.settled(settlement("a/m", "q"));
  const MetricsText text = this->text();
  const tollgate::testing::MetricLabels p = {{"model", "a/m"}, {"provider", "p"}};
  EXPECT_EQ(text.value("tollgate_requests_total", {{"provider", "p"}, {"status", "2xx"}, {"api", "messages"}}), 2);
  EXPECT_EQ(text.value("tollgate_requests_total", {{"provider", "q"}}), 1);
  EXPECT_EQ(text.value("tollgate_cost_usd_total", p), 3);
  const std::pair<const char*, double> tokens[] = {
      {"input", 2}, {"output", 4}, {"cache_read", 6}, {"cache_write_5m", 8}, {"cache_write_1h", 10}};
  for (const auto& [type, count] : tokens)
    EXPECT_EQ(text.value("tollgate_tokens_total", {{"provider", "p"}, {"type", type}}), count) << type;
  EXPECT_EQ(text.value("tollgate_time_to_first_token_seconds_bucket", {{"provider", "p"}, {"le", "0.1"}}), 0);
  EXPECT_EQ(text.value("tollgate_time_to_first_token_seconds_bucket", {{"provider", "p"}, {"le", "0.25"}}), 2);
  EXPECT_EQ(text.value("tollgate_request_duration_seconds_sum", p), 80);
  EXPECT_EQ(text.value("tollgate_attempts_total", {{"provider", "p"}, {"kind", "ok"}}), 2);
  EXPECT_EQ(text.value("tollgate_settlements_total", {{"source", "reported"}}), 3);
  EXPECT_EQ(text.count("tollgate_failovers_total"), 0u);
  EXPECT_EQ(text.count("tollgate_refusals_total"), 0u);
}

TEST_F(MetricsTest, TheOutcomeIsTheClassOfTheStatus) {
  struct {
    unsigned status;
    bool cancelled;
    const char* error_type;
    const char* outcome;
  } const cases[] = {{200, false, "", "2xx"},
                     {200, false, "api_error", "broken"},
                     {200, true, "", "cancelled"},
                     {0, true, "", "cancelled"},
                     {429, false, "rate_limit_error", "4xx"},
                     {529, false, "overloaded_error", "5xx"},
                     {0, false, "", "other"},
                     {999, false, "", "other"}};
  for (const auto& each : cases) {
    const double before = text().value("tollgate_requests_total", {{"status", each.outcome}});
    v1::SettleRequest request = settlement();
    request.mutable_record()->set_status(each.status);
    request.mutable_record()->set_cancelled(each.cancelled);
    request.mutable_record()->set_error_type(each.error_type);
    metrics_.settled(request);
    EXPECT_EQ(text().value("tollgate_requests_total", {{"status", each.outcome}}), before + 1) << each.outcome;
  }
}

TEST_F(MetricsTest, AFailedAttemptThatAnotherOneFollowsIsAFailover) {
  v1::SettleRequest request = settlement();
  v1::ActivityRecord& record = *request.mutable_record();
  record.clear_attempts();
  add_attempt(record, "first", "rate_limited");
  add_attempt(record, "second", "timeout");
  add_attempt(record, "p", "ok");
  metrics_.settled(request);
  const MetricsText text = this->text();
  EXPECT_EQ(text.value("tollgate_attempts_total"), 3);
  EXPECT_EQ(text.value("tollgate_failovers_total"), 2);
  EXPECT_EQ(text.value("tollgate_failovers_total", {{"provider", "first"}, {"kind", "rate_limited"}}), 1);
  EXPECT_EQ(text.value("tollgate_failovers_total", {{"provider", "second"}, {"kind", "timeout"}}), 1);
}

TEST_F(MetricsTest, ARefusalIsCountedByItsReason) {
  v1::ActivityRecord record;
  record.set_status(402);
  record.set_error_type("billing_error");
  metrics_.refused(record);
  record.set_status(401);
  record.set_error_type("authentication_error");
  metrics_.refused(record);
  // Admitted, and then not permitted.
  v1::SettleRequest request = settlement("", "");
  request.mutable_record()->clear_attempts();
  request.mutable_record()->set_status(403);
  request.mutable_record()->set_error_type("permission_error");
  metrics_.settled(request);
  record.set_error_type("made up by \"somebody\"");
  metrics_.refused(record);
  const MetricsText text = this->text();
  EXPECT_THAT(text.values("tollgate_refusals_total", "reason"),
              UnorderedElementsAre("billing_error", "authentication_error", "permission_error", "other"));
  EXPECT_EQ(text.value("tollgate_requests_total", {{"model", "none"}, {"provider", "none"}, {"status", "4xx"}}), 4);
}

TEST_F(MetricsTest, WhatAClientNamesMakesNoSeries) {
  metrics_.settled(settlement());
  const std::size_t before = text().size();
  for (int i = 0; i < 1000; ++i) {
    v1::SettleRequest request = settlement("x/made-up-" + std::to_string(i));
    v1::ActivityRecord& record = *request.mutable_record();
    record.set_model_asked("asked-" + std::to_string(i));
    record.set_api("api-" + std::to_string(i));
    record.set_session_id(std::to_string(i));
    record.set_key_id(std::to_string(i));
    record.mutable_attempts(0)->set_kind("kind-" + std::to_string(i));
    metrics_.settled(request);
    metrics_.refused(record);
  }
  const MetricsText text = this->text();
  EXPECT_THAT(text.values("tollgate_requests_total", "model"), UnorderedElementsAre("a/m", "other", "none"));
  EXPECT_THAT(text.values("tollgate_requests_total", "api"), UnorderedElementsAre("messages", "other"));
  EXPECT_THAT(text.values("tollgate_attempts_total", "kind"), UnorderedElementsAre("ok", "other"));
  // Two more models at most, whatever they were called.
  EXPECT_LE(text.size(), 4 * before);
  EXPECT_EQ(text.value("tollgate_requests_total", {{"model", "other"}, {"provider", "p"}}), 1000);
}

TEST_F(MetricsTest, CatalogsThatChangeForeverDoNotGrowItForever) {
  for (int i = 0; i < 6000; ++i) {
    const std::string number = std::to_string(i);
    metrics_.settled(settlement(std::string("a/").append(number), std::string("p").append(number)));
  }
  const MetricsText text = this->text();
  EXPECT_LE(text.values("tollgate_cost_usd_total", "model").size(), 4100u);
  EXPECT_LE(text.values("tollgate_attempts_total", "provider").size(), 4100u);
  EXPECT_EQ(text.value("tollgate_requests_total"), 6000);
}

TEST_F(MetricsTest, ShardsAddToTheSameSeries) {
  Metrics other(telemetry_, [](std::string_view) { return true; });
  metrics_.settled(settlement());
  other.settled(settlement());
  EXPECT_EQ(text().count("tollgate_cost_usd_total"), 1u);
  EXPECT_EQ(text().value("tollgate_cost_usd_total"), 3);
}

TEST(CountedHold, LeavesNothingBehind) {
  Telemetry own;
  // The gauges are the process': shown once a router is there.
  const Metrics metrics(own, [](std::string_view) { return true; });
  {
    const CountedHold one(1'000'000'001);
    const CountedHold two(2);
    const MetricsText text(telemetry().text());
    EXPECT_EQ(text.value("tollgate_holds"), 2);
    EXPECT_DOUBLE_EQ(text.value("tollgate_held_usd"), 1.000000003);
  }
  const MetricsText text(telemetry().text());
  EXPECT_EQ(text.value("tollgate_holds"), 0);
  EXPECT_EQ(text.value("tollgate_held_usd"), 0);
}

TEST_F(MetricsTest, CostsLittle) {
  constexpr int kRounds = 100'000;
  const v1::SettleRequest request = settlement();
  metrics_.settled(request);
  // Processor time: whatever else the machine does.
  const std::clock_t began = std::clock();
  for (int i = 0; i < kRounds; ++i)
    metrics_.settled(request);
  const double ns = static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC * 1e9 / kRounds;
  RecordProperty("ns_per_request", std::to_string(ns));
  std::printf("%.0f ns a request\n", ns);
  EXPECT_EQ(text().value("tollgate_requests_total"), kRounds + 1);
}

}  // namespace
}  // namespace tollgate::router
