#include "gateway/activity_json.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "gateway/activity_csv.h"
#include "tests/unit/gateway/activity_record.h"

namespace tollgate {
namespace {

using nlohmann::json;

TEST(ActivityJson, ARecord) {
  const json data = json::parse(record_json(full_record()))["data"];
  const json expected = json::parse(R"json({
    "generation_id":"gen-1","created_at":"2026-11-24T12:00:00.250Z","key_id":"0a1b","key_name":"ci",
    "workspace":"default","model_asked":"claude-sonnet-4","model":"anthropic/claude-sonnet-4","provider":"anthropic",
    "attempts":[
      {"provider":"bedrock","model":"anthropic/claude-sonnet-4","status":529,"kind":"overloaded","latency_ms":120},
      {"provider":"anthropic","model":"anthropic/claude-sonnet-4","status":200,"kind":"ok","latency_ms":300}],
    "usage":{"input_tokens":100,"output_tokens":50,"cache_read_tokens":1000,"cache_write_5m_tokens":200,
      "cache_write_1h_tokens":20,"web_search_requests":2},
    "usage_source":"reported","cost":0.012345678,
    "cost_parts":{"input":0.0003,"output":0.00075,"cache_read":0.0,"cache_write":0.0,"tools":0.0},
    "streamed":true,"cancelled":false,"finish_reason":"end_turn","status":200,"error_type":"","first_token_ms":500,
    "duration_ms":1500,"output_tokens_per_second":50.0,"session_id":"session-1","agent_id":"agent-1",
    "parent_agent_id":"","user_agent":"claude-cli/2.1.330 (external, cli)","app":"cli","upstream_id":"req_1",
    "api":"messages"})json");
  EXPECT_EQ(data, expected) << data.dump(1);
}

TEST(ActivityJson, WhatIsNotKnownIsNull) {
  v1::ActivityRecord record;
  record.set_status(404);
  const json data = json::parse(record_json(record))["data"];
  EXPECT_TRUE(data["first_token_ms"].is_null());
  EXPECT_TRUE(data["output_tokens_per_second"].is_null());
  EXPECT_EQ(data["model"], "");
  EXPECT_EQ(data["usage_source"], "");
  EXPECT_TRUE(data["attempts"].empty());
}

TEST(ActivityJson, SpeedOfStreamsOnly) {
  v1::ActivityRecord record = full_record();
  EXPECT_EQ(output_tokens_per_second(record), 50.0);
  record.set_streamed(false);
  EXPECT_EQ(output_tokens_per_second(record), std::nullopt);
  record.set_streamed(true);
  record.set_duration_ms(500);
  EXPECT_EQ(output_tokens_per_second(record), std::nullopt);
}

TEST(ActivityJson, Sums) {
  v1::ActivityQuery query;
  query.add_by(v1::DIMENSION_MODEL);
  query.add_by(v1::DIMENSION_KEY);
  v1::ActivityReply reply;
  v1::ActivityGroup& group = *reply.add_groups();
  group.set_at_ms(kRecordMs);
  group.add_values("anthropic/claude-sonnet-4");
  group.add_values("0a1b");
  group.set_key_name("ci");
  v1::ActivitySums& sums = *group.mutable_sums();
  sums.set_requests(4);
  sums.set_failed(1);
  sums.set_output_tokens(300);
  sums.set_cost_nano_usd(1);
  sums.set_first_token_ms(1000);
  sums.set_duration_ms(4000);
  sums.set_timed(3);
  *reply.mutable_total() = sums;
  const json all = json::parse(activity_json(query, reply));
  const json& row = all["data"][0];
  EXPECT_EQ(row["at"], "2026-11-24T12:00:00.250Z");
  EXPECT_EQ(row["by"], json::parse(R"({"model":"anthropic/claude-sonnet-4","key":"0a1b"})"));
  EXPECT_EQ(row["key_name"], "ci");
  EXPECT_EQ(row["cost"], 1e-9);
  EXPECT_EQ(row["first_token_ms"], 333.3);
  EXPECT_EQ(row["duration_ms"], 1333.3);
  EXPECT_EQ(row["output_tokens_per_second"], 100.0);
  EXPECT_TRUE(all["others"].is_null());
  EXPECT_EQ(all["total"]["requests"], 4);
  EXPECT_EQ(all["incomplete"], false);
  reply.mutable_others()->set_requests(9);
  EXPECT_EQ(json::parse(activity_json(query, reply))["others"]["requests"], 9);
  EXPECT_TRUE(json::parse(activity_json(query, reply))["others"]["duration_ms"].is_null());
}

TEST(ActivityJson, Sessions) {
  v1::SessionsReply reply;
  reply.set_cursor("next");
  v1::Session& session = *reply.add_sessions();
  session.set_id("s");
  session.set_last_ms(kRecordMs);
  session.mutable_sums()->set_requests(3);
  v1::SessionAgent& agent = *session.add_agents();
  agent.set_id("a");
  agent.mutable_sums()->set_requests(2);
  const json all = json::parse(sessions_json(reply));
  EXPECT_EQ(all["cursor"], "next");
  EXPECT_EQ(all["data"][0]["requests"], 3);
  EXPECT_EQ(all["data"][0]["last_at"], "2026-11-24T12:00:00.250Z");
  EXPECT_EQ(all["data"][0]["agents"][0]["id"], "a");
  EXPECT_EQ(all["data"][0]["agents"][0]["requests"], 2);
  EXPECT_TRUE(json::parse(sessions_json({}))["cursor"].is_null());
}

std::string field(std::string_view text) {
  std::string out;
  append_csv_field(text, out);
  return out;
}

TEST(ActivityCsv, Fields) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"", ""},
      {"plain", "plain"},
      {"it's", "it's"},
      {"a,b", "\"a,b\""},
      {"a\"b", "\"a\"\"b\""},
      {"two\nlines", "\"two\nlines\""},
      // No spreadsheet takes what a client calls itself for a formula.
      {"=cmd()", "\"'=cmd()\""},
      {"+1", "\"'+1\""},
      {"-1", "\"'-1\""},
      {"@x", "\"'@x\""},
      {"=\"a\"", "\"'=\"\"a\"\"\""},
  };
  for (const auto& [text, expected] : rows)
    EXPECT_EQ(field(text), expected) << text;
}

TEST(ActivityCsv, ALineHasTheHeadersColumns) {
  std::string line;
  append_record_csv(full_record(), line);
  EXPECT_EQ(line,
            "2026-11-24T12:00:00.250Z,gen-1,ci,0a1b,default,claude-sonnet-4,anthropic/claude-sonnet-4,anthropic,"
            "messages,200,,end_turn,true,false,100,50,1000,200,20,2,reported,0.012345678,0.0003,0.00075,0,0,0,500,1500,"
            "50,bedrock overloaded; anthropic ok,session-1,agent-1,,\"claude-cli/2.1.330 (external, cli)\",cli,req_1"
            "\r\n");
  v1::ActivityRecord plain;
  std::string empty;
  append_record_csv(plain, empty);
  const auto commas = [](std::string_view text) { return std::count(text.begin(), text.end(), ','); };
  EXPECT_EQ(commas(empty), commas(record_csv_header()));
}

TEST(ActivityCsv, Sums) {
  v1::ActivityQuery query;
  query.add_by(v1::DIMENSION_KEY);
  query.set_interval(v1::INTERVAL_DAY);
  v1::ActivityReply reply;
  v1::ActivityGroup& group = *reply.add_groups();
  group.set_at_ms(kRecordMs - 250);
  group.add_values("0a1b");
  group.set_key_name("ci");
  group.mutable_sums()->set_requests(2);
  group.mutable_sums()->set_cost_nano_usd(2'500'000'000);
  reply.mutable_others()->set_requests(7);
  EXPECT_EQ(activity_csv(query, reply),
            "at,key,key_name,requests,failed,input_tokens,output_tokens,cache_read_tokens,cache_write_tokens,cost_usd,"
            "first_token_ms,duration_ms,failovers\r\n"
            "2026-11-24T12:00:00.000Z,0a1b,ci,2,0,0,0,0,0,2.5,,,0\r\n"
            ",(others),(others),7,0,0,0,0,0,0,,,0\r\n");
}

}  // namespace
}  // namespace tollgate
