#include "gateway/activity_params.h"

#include <gmock/gmock.h>

#include <random>

namespace tollgate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// 2026-11-24T12:00:00Z
constexpr std::int64_t kNow = 1795521600000;
constexpr std::int64_t kHour = 3'600'000;

TEST(ActivityParams, Times) {
  const std::vector<std::pair<std::string, std::int64_t>> rows = {
      {"2026-11-24T12:00:00Z", kNow},
      {"2026-11-24T12:00:00.250Z", kNow + 250},
      {"2026-11-24T14:00:00+02:00", kNow},
      {"2026-11-24T06:30:00-05:30", kNow},
      {"2026-11-24", kNow - 12 * kHour},
      {"1795521600000", kNow},
      {"1", 1},
      {"90s", kNow - 90'000},
      {"30m", kNow - kHour / 2},
      {"12h", kNow - 12 * kHour},
      {"7d", kNow - 7 * 24 * kHour},
      {"2w", kNow - 14 * 24 * kHour},
      {"0s", kNow},
      // Before all time.
      {"99999w", 1},
  };
  for (const auto& [text, expected] : rows) {
    const auto time = parse_time(text, kNow);
    ASSERT_TRUE(time.ok()) << text << time.status();
    EXPECT_EQ(*time, expected) << text;
  }
  for (const std::string text : {"",
                                 "0",
                                 "-1",
                                 "d",
                                 "7y",
                                 "-7d",
                                 "7.5d",
                                 "7 d",
                                 "2026-13-01",
                                 "2026-02-30",
                                 "2026-11-24T12:00",
                                 "yesterday",
                                 "2026-11-24T12:00:00",
                                 "2026-11-24T12:00:00+2:00",
                                 "2026-11-24T12:00:00+99:00",
                                 "9999999999999999",
                                 "99999999999999999999",
                                 "9223372036854775807w",
                                 "2026-11-24T25:00:00Z",
                                 "1e3"})
    EXPECT_FALSE(parse_time(text, kNow).ok()) << text;
}

TEST(ActivityParams, EveryMemberOfAQuery) {
  const auto read = read_activity_query(
      "/api/v1/activity/"
      "query?since=7d&until=1d&key=ci&key=dev%20box&workspace=default&model=anthropic%2Fclaude-sonnet-4"
      "&provider=anthropic&session=s+1&status=429&status=5xx&search=a%26b&by=model,key&interval=day&limit=20",
      kNow);
  ASSERT_TRUE(read.ok()) << read.status();
  const v1::ActivityFilter& filter = read->query.filter();
  EXPECT_EQ(filter.since_ms(), kNow - 7 * 24 * kHour);
  EXPECT_EQ(filter.until_ms(), kNow - 24 * kHour);
  EXPECT_THAT(filter.keys(), ElementsAre("ci", "dev box"));
  EXPECT_THAT(filter.workspaces(), ElementsAre("default"));
  EXPECT_THAT(filter.models(), ElementsAre("anthropic/claude-sonnet-4"));
  EXPECT_THAT(filter.providers(), ElementsAre("anthropic"));
  EXPECT_THAT(filter.sessions(), ElementsAre("s 1"));
  EXPECT_THAT(filter.statuses(), ElementsAre("429", "5xx"));
  EXPECT_EQ(filter.search(), "a&b");
  EXPECT_THAT(read->query.by(), ElementsAre(v1::DIMENSION_MODEL, v1::DIMENSION_KEY));
  EXPECT_EQ(read->query.interval(), v1::INTERVAL_DAY);
  EXPECT_EQ(read->query.limit(), 20u);
  EXPECT_FALSE(read->csv);
}

TEST(ActivityParams, AChartHasAllOfItsHours) {
  EXPECT_EQ(read_activity_query("/?by=model", kNow)->query.limit(), 0u);
  EXPECT_EQ(read_activity_query("/?interval=hour", kNow)->query.limit(), 10'000u);
  EXPECT_TRUE(read_activity_query("/?format=csv", kNow)->csv);
}

TEST(ActivityParams, WhatIsWrongIsNamed) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"form=7d", "form: there is no such parameter. Known are: since, until, key"},
      {"since=soon", "since: expected a time"},
      {"since=1d&since=2d", "since: stands twice"},
      {"since=1d&until=2d", "since: is later than until"},
      {"since=2100-01-01", "since: is later than until"},
      {"key=", "key: expected 1 to 512 bytes"},
      {"key", "key: expected 1 to 512 bytes"},
      {"key=" + std::string(513, 'a'), "key: expected 1 to 512 bytes"},
      {"status=6xx", "status: expected 200"},
      {"status=20", "status: expected 200"},
      {"status=2x0", "status: expected 200"},
      {"by=model,modl", "by: expected some of key, workspace, model, provider, session, status; got \"modl\""},
      {"by=model,model", "by: \"model\" stands twice"},
      {"interval=week", "interval: expected hour or day; got \"week\""},
      {"limit=0", "limit: expected a whole number from 1 to 10000"},
      {"limit=10001", "limit: expected a whole number from 1 to 10000"},
      {"limit=-1", "limit: expected"},
      {"limit=1e2", "limit: expected"},
      {"limit=99999999999999999999", "limit: expected"},
      {"format=xml", "format: expected json or csv"},
      {"cursor=x", "cursor: there is no such parameter"},
  };
  for (const auto& [query, message] : rows) {
    const auto read = read_activity_query("/v1/activity/query?" + query, kNow);
    ASSERT_FALSE(read.ok()) << query;
    EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument) << query;
    EXPECT_THAT(std::string(read.status().message()), HasSubstr(message)) << query;
  }
  std::string many;
  for (int i = 0; i < 101; ++i)
    many += "&model=m" + std::to_string(i);
  EXPECT_THAT(std::string(read_activity_query("/?" + many, kNow).status().message()), HasSubstr("at most 100"));
}

TEST(ActivityParams, Pages) {
  const auto records = read_records_query("/?limit=1000&cursor=a%2Bb&status=4xx", kNow);
  ASSERT_TRUE(records.ok()) << records.status();
  EXPECT_EQ(records->limit(), 1000u);
  EXPECT_EQ(records->cursor(), "a+b");
  EXPECT_FALSE(read_records_query("/?limit=1001", kNow).ok());
  EXPECT_FALSE(read_records_query("/?by=model", kNow).ok());
  const auto sessions = read_sessions_query("/?session=s&limit=1", kNow);
  ASSERT_TRUE(sessions.ok()) << sessions.status();
  EXPECT_THAT(sessions->filter().sessions(), ElementsAre("s"));
}

TEST(ActivityParams, FilesAndStreams) {
  EXPECT_EQ(read_export("/", kNow)->format, ExportFormat::kCsv);
  EXPECT_EQ(read_export("/?format=ndjson&since=1d", kNow)->format, ExportFormat::kNdjson);
  EXPECT_EQ(read_export("/?format=json", kNow)->format, ExportFormat::kJson);
  EXPECT_FALSE(read_export("/?format=xlsx", kNow).ok());
  EXPECT_FALSE(read_export("/?format=csv", kNow)->query.follow());
  EXPECT_TRUE(read_live("/", kNow)->follow());
  EXPECT_EQ(read_live("/", kNow)->filter().since_ms(), kNow);
  EXPECT_EQ(read_live("/?since=1h", kNow)->filter().since_ms(), kNow - kHour);
  EXPECT_FALSE(read_live("/?until=1h", kNow).ok());
  EXPECT_THAT(read_health("/?provider=a&provider=b", kNow)->providers(), ElementsAre("a", "b"));
  EXPECT_FALSE(read_health("/?since=1h", kNow).ok());
}

// Whatever comes, it is read or refused: no crash, nothing beyond the bounds.
TEST(ActivityParams, AnyBytes) {
  std::mt19937 random(7);
  const std::string alphabet = "?&=%+,:.-_/ 0123456789abcdefklmnopsuvwxTZ\xff\n";
  const std::vector<std::string> seeds = {"since=7d&until=1d", "by=model,key&interval=day", "status=4xx&limit=10",
                                          "key=a%20b&search=%", "since=2026-11-24T12:00:00.000Z"};
  for (int i = 0; i < 20'000; ++i) {
    std::string query = seeds[random() % seeds.size()];
    for (std::size_t changes = random() % 6; changes > 0; --changes) {
      const std::size_t at = random() % (query.size() + 1);
      const char c = alphabet[random() % alphabet.size()];
      if (random() % 2 == 0 || at == query.size())
        query.insert(at, 1, c);
      else
        query[at] = c;
    }
    const auto read = read_activity_query("/v1/activity/query?" + query, kNow);
    if (read.ok()) {
      EXPECT_GE(read->query.filter().since_ms(), 0) << query;
      EXPECT_LE(read->query.limit(), 10'000u) << query;
      EXPECT_LE(read->query.by_size(), 6) << query;
    } else {
      EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument) << query;
    }
    read_records_query(query, kNow).status().IgnoreError();
    read_export(query, kNow).status().IgnoreError();
    read_live(query, kNow).status().IgnoreError();
  }
}

}  // namespace
}  // namespace tollgate
