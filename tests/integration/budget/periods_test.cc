// periods.lua, run by Redis, against a table of borders and against the C++ calendar.
#include <chrono>
#include <fstream>
#include <random>
#include <sstream>

#include "tests/integration/budget/fixture.h"

namespace tollgate {
namespace {

std::string fragment() {
  std::ifstream file(TOLLGATE_SCRIPTS "/periods.lua");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// ARGV: seconds of each moment. Returns day, week, month number and the three ends of each.
const RedisScript& probe() {
  static const RedisScript script("probe", fragment() + R"(
    local out = {}
    for i, text in ipairs(ARGV) do
      local seconds = tonumber(text)
      local day = day_of(seconds)
      out[i] = {day, week_of(day), month_of(day), period_end(DAILY, seconds), period_end(WEEKLY, seconds),
        period_end(MONTHLY, seconds), period_end('0', seconds) or 'never'}
    end
    return out)");
  return script;
}

using namespace std::chrono;

std::int64_t seconds_of(sys_days day) {
  return duration_cast<seconds>(day.time_since_epoch()).count();
}

struct Expected {
  std::int64_t day;
  std::int64_t month;
  std::int64_t day_end;
  std::int64_t week_end;
  std::int64_t month_end;
};

Expected by_calendar(std::int64_t unix_seconds) {
  const auto day = floor<days>(sys_seconds(seconds(unix_seconds)));
  const year_month_day date(day);
  const std::int64_t month = std::int64_t{static_cast<int>(date.year())} * 12 + static_cast<unsigned>(date.month()) - 1;
  const auto monday = day - (weekday(day) - Monday);
  const auto next_month = date.year() / date.month() / 1 + months(1);
  return {day.time_since_epoch().count(), month, seconds_of(day + days(1)), seconds_of(monday + days(7)),
          seconds_of(sys_days(next_month))};
}

class PeriodsTest : public BudgetTest {
 protected:
  std::vector<RedisReply> ask(const std::vector<std::int64_t>& moments) {
    std::vector<std::string> args;
    for (const std::int64_t moment : moments)
      args.push_back(std::to_string(moment));
    auto reply = loop_.run(redis_.eval(probe(), {}, std::move(args)));
    EXPECT_TRUE(reply.ok() && !reply->is_error()) << reply->text;
    return reply->elements;
  }
};

TEST_F(PeriodsTest, Borders) {
  struct Row {
    const char* what;
    sys_days day;
    sys_days week_end;
    sys_days month_end;
  };
  const std::vector<Row> rows = {
      {"the epoch, a Thursday", 1970y / 1 / 1, 1970y / 1 / 5, 1970y / 2 / 1},
      {"a Sunday", 2026y / 11 / 22, 2026y / 11 / 23, 2026y / 12 / 1},
      {"a Monday", 2026y / 11 / 23, 2026y / 11 / 30, 2026y / 12 / 1},
      {"last day of a month", 2026y / 11 / 30, 2026y / 12 / 7, 2026y / 12 / 1},
      {"New Year's Eve", 2026y / 12 / 31, 2027y / 1 / 4, 2027y / 1 / 1},
      {"New Year", 2027y / 1 / 1, 2027y / 1 / 4, 2027y / 2 / 1},
      {"28 February, no leap year", 2027y / 2 / 28, 2027y / 3 / 1, 2027y / 3 / 1},
      {"28 February, leap year", 2028y / 2 / 28, 2028y / 3 / 6, 2028y / 3 / 1},
      {"29 February", 2028y / 2 / 29, 2028y / 3 / 6, 2028y / 3 / 1},
      {"1 March after it", 2028y / 3 / 1, 2028y / 3 / 6, 2028y / 4 / 1},
      {"29 February 2000", 2000y / 2 / 29, 2000y / 3 / 6, 2000y / 3 / 1},
      {"28 February 2100, no leap year", 2100y / 2 / 28, 2100y / 3 / 1, 2100y / 3 / 1},
      {"31 January", 2027y / 1 / 31, 2027y / 2 / 1, 2027y / 2 / 1},
  };
  std::vector<std::int64_t> moments;
  for (const Row& row : rows) {
    moments.push_back(seconds_of(row.day));
    moments.push_back(seconds_of(row.day + days(1)) - 1);
  }
  const auto replies = ask(moments);
  ASSERT_EQ(replies.size(), moments.size());
  for (std::size_t i = 0; i < replies.size(); ++i) {
    const Row& row = rows[i / 2];
    SCOPED_TRACE(row.what);
    EXPECT_EQ(replies[i].elements[3].integer, seconds_of(row.day + days(1)));
    EXPECT_EQ(replies[i].elements[4].integer, seconds_of(row.week_end));
    EXPECT_EQ(replies[i].elements[5].integer, seconds_of(row.month_end));
    EXPECT_EQ(replies[i].elements[6].text, "never");
  }
}

TEST_F(PeriodsTest, AgreesWithTheCalendarOnEveryDayOfTwoCenturies) {
  std::vector<std::int64_t> moments;
  std::mt19937 random(7);
  for (sys_days day = 1970y / 1 / 1; day < sys_days(2170y / 1 / 1); day += days(1))
    moments.push_back(seconds_of(day) + std::uniform_int_distribution<int>(0, 86399)(random));
  std::int64_t last_week = -1;
  std::int64_t last_week_end = 0;
  for (std::size_t first = 0; first < moments.size(); first += 5000) {
    const std::vector<std::int64_t> part(
        moments.begin() + static_cast<std::ptrdiff_t>(first),
        moments.begin() + static_cast<std::ptrdiff_t>(std::min(first + 5000, moments.size())));
    const auto replies = ask(part);
    ASSERT_EQ(replies.size(), part.size());
    for (std::size_t i = 0; i < part.size(); ++i) {
      const Expected expected = by_calendar(part[i]);
      const auto& got = replies[i].elements;
      ASSERT_EQ(got[0].integer, expected.day) << part[i];
      ASSERT_EQ(got[2].integer, expected.month) << part[i];
      ASSERT_EQ(got[3].integer, expected.day_end) << part[i];
      ASSERT_EQ(got[4].integer, expected.week_end) << part[i];
      ASSERT_EQ(got[5].integer, expected.month_end) << part[i];
      // Week numbers go up by one exactly where the week's end changes.
      ASSERT_EQ(got[1].integer, expected.week_end == last_week_end ? last_week : last_week + 1) << part[i];
      last_week = got[1].integer;
      last_week_end = expected.week_end;
    }
  }
}

}  // namespace
}  // namespace tollgate
