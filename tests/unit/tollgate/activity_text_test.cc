// What the command line shows of activity, and the status line.
#include <gmock/gmock.h>

#include "services/tollgate/activity_table.h"
#include "services/tollgate/fetch.h"
#include "services/tollgate/statusline.h"
#include "tests/unit/gateway/activity_record.h"

namespace tollgate {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(ActivityTable, Counts) {
  const std::vector<std::pair<std::int64_t, std::string>> rows = {
      {0, "0"},         {999, "999"},      {1000, "1.0k"},    {12'345, "12.3k"},   {99'949, "99.9k"},
      {99'950, "100k"}, {999'499, "999k"}, {999'500, "1.0M"}, {1'500'000, "1.5M"}, {2'000'000'000, "2.0G"}};
  for (const auto& [number, expected] : rows)
    EXPECT_EQ(short_count(number), expected) << number;
}

TEST(ActivityTable, Amounts) {
  const std::vector<std::pair<std::int64_t, std::string>> rows = {
      {0, "$0.00"}, {12'345'678'900, "$12.35"}, {123'400'000, "$0.123"}, {1'234'000, "$0.0012"}, {1, "$1e-09"}};
  for (const auto& [nano, expected] : rows)
    EXPECT_EQ(short_usd(nano), expected) << nano;
}

TEST(ActivityTable, ColumnsAreAsWideAsWhatStandsInThem) {
  v1::ActivityQuery query;
  query.add_by(v1::DIMENSION_MODEL);
  query.add_by(v1::DIMENSION_KEY);
  query.set_interval(v1::INTERVAL_DAY);
  v1::ActivityReply reply;
  for (const char* model : {"anthropic/claude-sonnet-4", "m"}) {
    v1::ActivityGroup& group = *reply.add_groups();
    group.set_at_ms(kRecordMs);
    group.add_values(model);
    group.add_values("0123456789abcdef");
    group.mutable_sums()->set_requests(12);
    group.mutable_sums()->set_cost_nano_usd(1'500'000'000);
  }
  reply.mutable_groups(1)->set_key_name("ci");
  reply.mutable_total()->set_requests(24);
  reply.mutable_total()->set_timed(2);
  reply.mutable_total()->set_duration_ms(3000);
  EXPECT_EQ(activity_table(query, reply),
            "DAY         MODEL                      KEY           REQUESTS  FAILED  INPUT  CACHED  WRITTEN  OUTPUT  "
            "FIRST  TIME   COST\n"
            "2026-11-24  anthropic/claude-sonnet-4  0123456789ab        12       0      0       0        0       0  "
            "    -     -  $1.50\n"
            "2026-11-24  m                          ci                  12       0      0       0        0       0  "
            "    -     -  $1.50\n"
            "total                                                      24       0      0       0        0       0  "
            " 0.0s  1.5s  $0.00\n");
  reply.set_incomplete(true);
  reply.mutable_others()->set_requests(3);
  EXPECT_THAT(activity_table(query, reply), HasSubstr("\nothers "));
  EXPECT_THAT(activity_table(query, reply), HasSubstr("\nNot all of it"));
}

TEST(ActivityTable, ALineForEachRequest) {
  EXPECT_EQ(record_row(full_record()),
            "2026-11-24 12:00:00  ci                anthropic/claude-sonnet-4     anthropic            200      1.3k"
            "       50      1.5s      $0.012  2 attempts\n");
  v1::ActivityRecord record;
  record.set_model_asked("evil\x1b[2J\nmodel");
  record.set_error_type("not_found_error");
  record.set_cancelled(true);
  EXPECT_THAT(record_row(record), HasSubstr("evil?[2J?model"));
  EXPECT_THAT(record_row(record), HasSubstr("not_found_error, cancelled"));
}

TEST(Statusline, SessionDayAndLimit) {
  const std::string sessions = R"({"data":[{"id":"s","cost":0.4231},{"id":"other","cost":9}],"cursor":null})";
  const std::string key = R"({"data":{"usage_daily":3.1,"limit":10,"limit_remaining":6.9,"limit_reset":"daily"}})";
  EXPECT_EQ(statusline("s", sessions, key), "$0.42 session | $3.10 today | $6.90 of $10 daily left");
  EXPECT_EQ(statusline("new", R"({"data":[]})", key), "$0.00 session | $3.10 today | $6.90 of $10 daily left");
  EXPECT_EQ(statusline("", "", R"({"data":{"usage_daily":0.001,"limit":null,"limit_remaining":null}})"),
            "$0.0010 today");
  EXPECT_EQ(statusline("s", "", R"({"data":{"limit":2.5,"limit_remaining":0,"limit_reset":null}})"),
            "$0.00 of $2.50 left");
}

TEST(Statusline, WhatIsNotUnderstoodIsLeftOut) {
  for (const std::string wrong :
       {"", "null", "[]", "{}", "{\"data\":", "{\"data\":7}", "{\"data\":{\"usage_daily\":\"x\"}}"})
    EXPECT_EQ(statusline("s", wrong, wrong), "") << wrong;
}

TEST(Statusline, SessionOfTheInput) {
  EXPECT_EQ(session_of(R"({"hook_event_name":"Status","session_id":"abc-1","model":{"display_name":"Opus"}})"),
            "abc-1");
  for (const std::string wrong : {"", "{", "[]", "\"session_id\"", R"({"session_id":7})", R"({"session_id":null})"})
    EXPECT_EQ(session_of(wrong), "") << wrong;
}

TEST(Fetch, Urls) {
  const auto url = parse_url("http://127.0.0.1:8787/api/");
  ASSERT_TRUE(url.ok());
  EXPECT_FALSE(url->tls);
  EXPECT_EQ(url->host, "127.0.0.1");
  EXPECT_EQ(url->port, "8787");
  EXPECT_EQ(url->path, "/api");
  EXPECT_EQ(parse_url("https://gateway.example")->port, "443");
  EXPECT_TRUE(parse_url("https://gateway.example")->tls);
  EXPECT_EQ(parse_url("http://[::1]:80/api")->host, "::1");
  EXPECT_EQ(parse_url("http://[::1]")->port, "80");
  for (const std::string wrong : {"", "gateway", "ftp://a", "http://", "http://:80", "http://a:", "http://a:b",
                                  "http://user@a", "http://a b", "http://a\r\nx: y", "http://a?b"})
    EXPECT_FALSE(parse_url(wrong).ok()) << wrong;
}

}  // namespace
}  // namespace tollgate
