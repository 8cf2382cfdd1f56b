#include "gateway/analytics.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace tollgate {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::int64_t kNow = 1795521600000;

TEST(Analytics, MetaNamesWhatAQueryMayName) {
  const json data = json::parse(analytics_meta_json())["data"];
  for (const json& metric : data["metrics"]) {
    const json query = {{"metrics", {metric["name"]}}};
    EXPECT_TRUE(read_analytics(query.dump(), kNow).ok()) << metric;
  }
  for (const json& dimension : data["dimensions"]) {
    const json query = {{"metrics", {"request_count"}}, {"dimensions", {dimension["name"]}}};
    EXPECT_TRUE(read_analytics(query.dump(), kNow).ok()) << dimension;
  }
  for (const json& granularity : data["granularities"]) {
    const json query = {{"metrics", {"request_count"}}, {"granularity", granularity["name"]}};
    EXPECT_TRUE(read_analytics(query.dump(), kNow).ok()) << granularity;
  }
}

TEST(Analytics, EveryMember) {
  const auto query = read_analytics(R"({
      "metrics":["total_usage","error_rate"],"dimensions":["model","api_key_id"],"granularity":"day",
      "filters":[{"field":"provider","operator":"in","value":["a","b"]},
                 {"field":"status","operator":"eq","value":429}],
      "time_range":{"start":"2026-11-01T00:00:00Z","end":"2026-11-24T00:00:00.000Z"},
      "order_by":{"field":"total_usage","direction":"desc"},"limit":10,"group_limit":3})",
                                    kNow);
  ASSERT_TRUE(query.ok()) << query.status();
  EXPECT_THAT(query->activity.by(), ElementsAre(v1::DIMENSION_MODEL, v1::DIMENSION_KEY));
  EXPECT_EQ(query->activity.interval(), v1::INTERVAL_DAY);
  EXPECT_THAT(query->activity.filter().providers(), ElementsAre("a", "b"));
  EXPECT_THAT(query->activity.filter().statuses(), ElementsAre("429"));
  EXPECT_EQ(query->activity.filter().until_ms(), kNow - 12 * 3'600'000);
  EXPECT_EQ(query->limit, 10u);
  EXPECT_EQ(query->group_limit, 3u);
  EXPECT_TRUE(query->descending);
}

TEST(Analytics, WhatIsWrongIsNamed) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {R"({})", "metrics: expected a list of some of request_count"},
      {R"([])", "expected a JSON object"},
      {R"({"metrics":[]})", "metrics: expected"},
      {R"({"metrics":"total_usage"})", "metrics: expected"},
      {R"({"metrics":["cost"]})", "metrics: expected"},
      {R"({"metrics":["total_usage","total_usage"]})", "metrics: expected"},
      {R"({"metrics":["total_usage"],"dimensions":["country"]})", "dimensions: expected a list of some of model"},
      {R"({"metrics":["total_usage"],"granularity":"week"})", "granularity: expected hour or day"},
      {R"({"metrics":["total_usage"],"classifier_filters":{}})", "classifier_filters: a query has no such member"},
      {R"({"metrics":["total_usage"],"filters":{}})", "filters: expected a list"},
      {R"({"metrics":["total_usage"],"filters":[{"field":"x","operator":"eq","value":"a"}]})", "filters[0].field"},
      {R"({"metrics":["total_usage"],"filters":[{"field":"model","operator":"neq","value":"a"}]})",
       "filters[0].operator: expected eq or in"},
      {R"({"metrics":["total_usage"],"filters":[{"field":"model","operator":"eq","value":["a"]}]})",
       "filters[0].value"},
      {R"({"metrics":["total_usage"],"filters":[{"field":"model","operator":"in","value":[]}]})", "filters[0].value"},
      {R"({"metrics":["total_usage"],"filters":[{"field":"model","operator":"in","value":[{}]}]})", "filters[0].value"},
      {R"({"metrics":["total_usage"],"filters":[{"field":"status","operator":"eq","value":"ok"}]})",
       "filters[0].value"},
      {R"({"metrics":["total_usage"],"filters":[{"field":"model","operator":"eq"}]})", "filters[0].value"},
      {R"({"metrics":["total_usage"],"filters":[{"field":"model","operator":"eq","value":"a"},
           {"field":"model","operator":"eq","value":"b"}]})",
       "filters[1].field: two filters of one field"},
      {R"({"metrics":["total_usage"],"time_range":{"start":"2026-11-24T00:00Z","end":"2026-11-24T00:00:00Z"}})",
       "time_range.start: expected start and"},
      {R"({"metrics":["total_usage"],"time_range":{"start":"2026-11-24T00:00:00Z","end":"2026-11-23T00:00:00Z"}})",
       "time_range.start"},
      {R"({"metrics":["total_usage"],"order_by":{"field":"error_count","direction":"asc"}})", "order_by.field"},
      {R"({"metrics":["total_usage"],"order_by":{"field":"total_usage","direction":"up"}})", "order_by.direction"},
      {R"({"metrics":["total_usage"],"limit":0})", "limit: expected"},
      {R"({"metrics":["total_usage"],"limit":-5})", "limit: expected"},
      {"{", "JSON"},
  };
  for (const auto& [body, message] : rows) {
    const auto read = read_analytics(body, kNow);
    ASSERT_FALSE(read.ok()) << body;
    EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument) << body;
    EXPECT_THAT(std::string(read.status().message()), HasSubstr(message)) << body;
  }
}

v1::ActivityReply three_days() {
  v1::ActivityReply reply;
  for (int day = 0; day < 3; ++day) {
    for (const char* model : {"a", "b"}) {
      v1::ActivityGroup& group = *reply.add_groups();
      group.set_at_ms(kNow + day * 86'400'000);
      group.add_values(model);
      group.mutable_sums()->set_requests(day + (model[0] == 'a' ? 10 : 20));
      group.mutable_sums()->set_failed(5);
      group.mutable_sums()->set_cost_nano_usd(500'000'000);
    }
  }
  return reply;
}

TEST(Analytics, RowsInOrderAndLimits) {
  const auto rows = [](const std::string& members) {
    const auto query = read_analytics(
        R"({"metrics":["request_count","error_rate","latency","total_usage"],"dimensions":["model"],"granularity":"day")" +
            members + "}",
        kNow);
    EXPECT_TRUE(query.ok()) << query.status();
    return json::parse(analytics_json(*query, three_days(), 1.5))["data"];
  };
  const json plain = rows("");
  ASSERT_EQ(plain["data"].size(), 6u);
  EXPECT_EQ(plain["metadata"], json::parse(R"({"query_time_ms":1.5,"row_count":6,"truncated":false})"));
  EXPECT_EQ(plain["data"][0],
            json::parse(R"({"date":"2026-11-24T12:00:00.000Z","model":"a","request_count":10,"error_rate":0.5,
                            "latency":null,"total_usage":0.5})"));
  const json dearest = rows(R"(,"order_by":{"field":"request_count","direction":"desc"},"limit":2)");
  ASSERT_EQ(dearest["data"].size(), 2u);
  EXPECT_EQ(dearest["data"][0]["request_count"], 22);
  EXPECT_EQ(dearest["data"][1]["request_count"], 21);
  EXPECT_EQ(dearest["metadata"]["truncated"], true);
  const json named = rows(R"(,"order_by":{"field":"model","direction":"desc"},"group_limit":1)");
  ASSERT_EQ(named["data"].size(), 2u);
  EXPECT_EQ(named["data"][0]["model"], "b");
  EXPECT_EQ(rows(R"(,"order_by":{"field":"date","direction":"desc"})")["data"][0]["date"], "2026-11-26T12:00:00.000Z");
}

}  // namespace
}  // namespace tollgate
