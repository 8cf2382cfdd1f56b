#include "gateway/openrouter_activity.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "gateway/provider_health.h"
#include "tests/unit/gateway/activity_record.h"

namespace tollgate {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::int64_t kNow = 1795521600000;
constexpr std::int64_t kToday = kNow - kDayMs / 2;

TEST(OpenRouterActivity, TheLastThirtyCompletedDays) {
  const auto query = read_openrouter_activity("/v1/activity", kNow);
  ASSERT_TRUE(query.ok()) << query.status();
  EXPECT_EQ(query->filter().since_ms(), kToday - 30 * kDayMs);
  EXPECT_EQ(query->filter().until_ms(), kToday);
  EXPECT_EQ(query->interval(), v1::INTERVAL_DAY);
  EXPECT_THAT(query->by(), ElementsAre(v1::DIMENSION_MODEL, v1::DIMENSION_PROVIDER));
}

TEST(OpenRouterActivity, OneDayAKeyAndWorkspaces) {
  const auto query = read_openrouter_activity(
      "/v1/activity?date=2026-11-23&api_key_hash=0a1b&workspace_id=w&group_by=workspace", kNow);
  ASSERT_TRUE(query.ok()) << query.status();
  EXPECT_EQ(query->filter().since_ms(), kToday - kDayMs);
  EXPECT_EQ(query->filter().until_ms(), kToday);
  EXPECT_THAT(query->filter().keys(), ElementsAre("0a1b"));
  EXPECT_THAT(query->filter().workspaces(), ElementsAre("w"));
  EXPECT_EQ(query->by_size(), 3);
}

TEST(OpenRouterActivity, OtherDaysAreRefused) {
  EXPECT_TRUE(read_openrouter_activity("/?date=2026-10-25", kNow).ok());
  for (const std::string query :
       {"date=2026-11-24", "date=2026-10-24", "date=2026-11-25", "date=yesterday", "date=1d", "date=2026-11-23T00:00",
        "date=", "group_by=model", "group_by=workspace&group_by=workspace", "user_id=u"})
    EXPECT_EQ(read_openrouter_activity("/?" + query, kNow).status().code(), absl::StatusCode::kInvalidArgument)
        << query;
}

TEST(OpenRouterActivity, Rows) {
  v1::ActivityQuery query = *read_openrouter_activity("/", kNow);
  v1::ActivityReply reply;
  v1::ActivityGroup& served = *reply.add_groups();
  served.set_at_ms(kToday - kDayMs);
  served.add_values("anthropic/claude-sonnet-4");
  served.add_values("anthropic");
  v1::ActivitySums& sums = *served.mutable_sums();
  sums.set_requests(3);
  sums.set_input_tokens(10);
  sums.set_cache_read_tokens(100);
  sums.set_cache_write_tokens(1000);
  sums.set_output_tokens(7);
  sums.set_cost_nano_usd(2'000'000);
  v1::ActivityGroup& refused = *reply.add_groups();
  refused.add_values("");
  refused.add_values("");
  const json data = json::parse(openrouter_activity_json(query, reply))["data"];
  ASSERT_EQ(data.size(), 1u);
  EXPECT_EQ(data[0]["date"], "2026-11-23");
  EXPECT_EQ(data[0]["provider_name"], "anthropic");
  EXPECT_EQ(data[0]["prompt_tokens"], 1110);
  EXPECT_EQ(data[0]["completion_tokens"], 7);
  EXPECT_EQ(data[0]["usage"], 0.002);
  EXPECT_FALSE(data[0].contains("workspace_id"));
}

TEST(OpenRouterGeneration, OneId) {
  EXPECT_EQ(read_generation("/v1/generation?id=gen-1")->generation_id(), "gen-1");
  for (const std::string query : {"", "?id=", "?id=a&id=b", "?id=a&b=c"})
    EXPECT_EQ(read_generation("/v1/generation" + query).status().code(), absl::StatusCode::kInvalidArgument) << query;
}

TEST(OpenRouterGeneration, ARecord) {
  const json data = json::parse(generation_json(full_record()))["data"];
  EXPECT_EQ(data["id"], "gen-1");
  EXPECT_EQ(data["total_cost"], 0.012345678);
  EXPECT_EQ(data["tokens_prompt"], 1320);
  EXPECT_EQ(data["native_tokens_cached"], 1000);
  EXPECT_EQ(data["finish_reason"], "stop");
  EXPECT_EQ(data["native_finish_reason"], "end_turn");
  EXPECT_EQ(data["latency"], 500);
  EXPECT_EQ(data["generation_time"], 1500);
  EXPECT_EQ(data["provider_responses"].size(), 2u);
  EXPECT_EQ(data["provider_responses"][0]["status"], 529);
  EXPECT_TRUE(data["http_referer"].is_null());
  v1::ActivityRecord refused;
  refused.set_status(402);
  refused.set_model_asked("m");
  const json error = json::parse(generation_json(refused))["data"];
  EXPECT_EQ(error["finish_reason"], "error");
  EXPECT_EQ(error["model"], "m");
  EXPECT_TRUE(error["provider_name"].is_null());
}

TEST(ProviderHealth, EveryAttemptCounts) {
  ProviderHealth health(kRecordMs + 10'000);
  health.add(full_record());
  const json all = json::parse(health.json({}, kNow, false));
  ASSERT_EQ(all["data"].size(), 2u);
  const json& anthropic = all["data"][0];
  EXPECT_EQ(anthropic["provider"], "anthropic");
  EXPECT_EQ(anthropic["outage"], false);
  EXPECT_EQ(anthropic["requests"], 1);
  EXPECT_EQ(anthropic["failed"], 0);
  EXPECT_EQ(anthropic["output_tokens_per_second_p50"], 50.0);
  // It waited for another one first.
  EXPECT_TRUE(anthropic["first_token_ms_p50"].is_null());
  const json& bedrock = all["data"][1];
  EXPECT_EQ(bedrock["provider"], "bedrock");
  EXPECT_EQ(bedrock["outage"], true);
  EXPECT_EQ(bedrock["failed"], 1);
  EXPECT_EQ(all["sampled"], false);
}

TEST(ProviderHealth, AnOutageIsOverAfterHalfAMinuteAndNotTheRequestsFault) {
  ProviderHealth later(kRecordMs + 1500 + 30'001);
  later.add(full_record());
  EXPECT_EQ(json::parse(later.json({}, kNow, false))["data"][1]["outage"], false);
  v1::ActivityRecord record = full_record();
  record.mutable_attempts(0)->set_kind("invalid_request");
  ProviderHealth health(kRecordMs);
  health.add(record);
  const json bedrock = json::parse(health.json({}, kNow, false))["data"][1];
  EXPECT_EQ(bedrock["outage"], false);
  EXPECT_EQ(bedrock["failed"], 1);
}

TEST(ProviderHealth, MediansAndWhatIsShown) {
  ProviderHealth health(kRecordMs);
  for (int i = 1; i <= 9; ++i) {
    v1::ActivityRecord record = full_record();
    record.mutable_attempts()->DeleteSubrange(0, 1);
    record.set_first_token_ms(i * 100);
    record.set_duration_ms(i * 100 + 1000);
    health.add(record);
  }
  const json data = json::parse(health.json({}, kNow, true));
  EXPECT_EQ(data["sampled"], true);
  EXPECT_EQ(data["data"][0]["first_token_ms_p50"], 500.0);
  EXPECT_EQ(data["data"][0]["first_token_ms_p90"], 800.0);
  v1::ActivityFilter shown;
  shown.add_providers("bedrock");
  EXPECT_TRUE(json::parse(health.json(shown, kNow, true))["data"].empty());
}

}  // namespace
}  // namespace tollgate
