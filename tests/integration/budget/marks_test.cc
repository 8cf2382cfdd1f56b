// What routers tell each other, on a real Redis.
#include "services/budget/redis_marks.h"

#include <fmt/format.h>

#include <map>

#include "tests/integration/budget/fixture.h"

namespace tollgate {
namespace {

using testing::HasSubstr;

class MarksTest : public BudgetTest {
 protected:
  static v1::Mark mark(const std::string& upstream, std::int64_t lasts_ms) {
    v1::Mark made;
    made.set_upstream(upstream);
    made.set_upstream_model("model of " + upstream);
    made.set_provider("p/" + upstream);
    made.set_lasts_ms(lasts_ms);
    return made;
  }
  absl::Status report(const std::vector<v1::Mark>& marks) {
    v1::ReportMarksRequest request;
    request.mutable_marks()->Assign(marks.begin(), marks.end());
    return loop_.run(marks_.report(request)).status();
  }
  std::map<std::string, std::int64_t> read() {
    const v1::ReadMarksRequest request;
    const auto reply = loop_.run(other_.read(request));
    expect_ok(reply);
    std::map<std::string, std::int64_t> found;
    if (reply.ok()) {
      for (const v1::Mark& each : reply->marks()) {
        EXPECT_EQ(each.upstream_model(), "model of " + each.upstream());
        EXPECT_EQ(each.provider(), "p/" + each.upstream());
        found[each.upstream()] = each.lasts_ms();
      }
    }
    return found;
  }

  RedisMarks marks_{redis_};
  // Of another process.
  RedisClient other_redis_{loop_.context(), server_.config()};
  RedisMarks other_{other_redis_};
};

TEST_F(MarksTest, WhatOneReportsAnotherReads) {
  EXPECT_TRUE(read().empty());
  EXPECT_TRUE(report({mark("a", 30'000), mark("b", 500'000)}).ok());
  const auto found = read();
  ASSERT_EQ(found.size(), 2u);
  EXPECT_GT(found.at("a"), 20'000);
  EXPECT_LE(found.at("a"), 30'000);
  EXPECT_GT(found.at("b"), 490'000);
}

TEST_F(MarksTest, TheLaterEndCounts) {
  EXPECT_TRUE(report({mark("a", 500'000)}).ok());
  EXPECT_TRUE(report({mark("a", 1'000)}).ok());
  EXPECT_GT(read().at("a"), 490'000);
  EXPECT_TRUE(report({mark("a", 900'000)}).ok());
  EXPECT_GT(read().at("a"), 890'000);
}

TEST_F(MarksTest, MarksEndByThemselvesAndLeaveNothing) {
  EXPECT_TRUE(report({mark("a", 1), mark("b", 600'000)}).ok());
  EXPECT_TRUE(loop_.run_until([&] { return read().count("a") == 0; }));
  EXPECT_EQ(read().count("b"), 1u);
  const RedisReply ttl = redis_command({"PTTL", "tg:outages"});
  EXPECT_GT(ttl.integer, 500'000);
  EXPECT_LE(ttl.integer, 600'000);
  // The next report takes out what has ended.
  EXPECT_TRUE(report({mark("c", 600'000)}).ok());
  EXPECT_EQ(redis_command({"ZCARD", "tg:outages"}).integer, 2);
}

TEST_F(MarksTest, NobodyCanFillRedis) {
  std::vector<v1::Mark> many;
  for (int i = 0; i < RedisMarks::kMost; ++i)
    many.push_back(mark(fmt::format("u{}", i), 100'000 + i));
  EXPECT_TRUE(report(many).ok());
  EXPECT_TRUE(report({mark("last", 900'000)}).ok());
  EXPECT_EQ(redis_command({"ZCARD", "tg:outages"}).integer, RedisMarks::kMost);
  EXPECT_EQ(read().count("last"), 1u);
  EXPECT_EQ(read().count("u0"), 0u) << "the one that ends first goes";
  many.push_back(mark("one too many", 1000));
  EXPECT_EQ(kind_of(report(many)), v1::Failure::KIND_INVALID_REQUEST);
  EXPECT_EQ(kind_of(report({mark(std::string(300, 'x'), 1000)})), v1::Failure::KIND_INVALID_REQUEST);
  EXPECT_EQ(kind_of(report({mark("two\nlines", 1000)})), v1::Failure::KIND_INVALID_REQUEST);
  EXPECT_TRUE(report({mark("over", 0), mark("before", -5)}).ok());
  EXPECT_TRUE(report({mark("for ever", INT64_MAX)}).ok());
  EXPECT_LE(read().at("for ever"), 24 * 3600 * 1000);
}

TEST_F(MarksTest, WhatIsNotOursIsPassedOver) {
  redis_command({"ZADD", "tg:outages", "9999999999999", "nonsense"});
  redis_command({"ZADD", "tg:outages", "9999999999999", "a\nmodel of a\np/a"});
  EXPECT_EQ(read().size(), 1u);
}

}  // namespace
}  // namespace tollgate
