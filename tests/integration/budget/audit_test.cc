// An audit finds what does not add up, repairs it, and is not misled by requests that run meanwhile.
#include <fmt/format.h>

#include "services/budget/ledger_audit.h"
#include "services/budget/sweeper.h"
#include "tests/integration/budget/fixture.h"

namespace tollgate {
namespace {

class AuditTest : public BudgetTest {
 protected:
  AuditReport audit(bool repair = false, const std::string& workspace = "") {
    auto report = loop_.run(audit_ledger(redis_, workspace, repair));
    expect_ok(report);
    return report.ok() ? *report : AuditReport();
  }
};

TEST_F(AuditTest, CountsWhatThereIs) {
  EXPECT_TRUE(audit().clean());
  create_workspace("team");
  const std::string hash = create_key().key().hash();
  const std::string removed = create_key().key().hash();
  for (int i = 0; i < 1200; ++i)
    expect_ok(settle(hash, fmt::format("gen-{}", i), i));
  expect_ok(settle(removed, "gen-r", 17));
  remove_key(removed);
  expect_ok(reserve(hash, "gen-h", 0));
  const AuditReport report = audit();
  EXPECT_TRUE(report.clean());
  EXPECT_EQ(report.workspaces, 2);
  EXPECT_EQ(report.keys, 1);
  EXPECT_EQ(report.holds, 1);
  EXPECT_EQ(report.settled, 1201);
  EXPECT_EQ(report.lease_expired, 0);
  EXPECT_EQ(total_usage(), 1200 * 1199 / 2 + 17);
}

TEST_F(AuditTest, FindsAndRepairsEveryCounter) {
  const std::string hash = create_key().key().hash();
  expect_ok(settle(hash, "gen-1", 100));
  expect_ok(reserve(hash, "gen-2", 30));
  const std::string record = layout::key_record("default", hash);
  const std::string workspace = layout::workspace_record("default");
  struct Row {
    std::string record;
    const char* counter;
    std::int64_t change;
    std::int64_t right;
  };
  for (const Row& row : {Row{record, "held", 5, 30},
                         {record, "usage", -1, 100},
                         {record, "day_usage", 9, 100},
                         {record, "week_usage", -100, 100},
                         {record, "month_usage", 1, 100},
                         {workspace, "held", -30, 30},
                         {workspace, "usage", 1'000'000, 100},
                         {workspace, "month_usage", -7, 100}}) {
    SCOPED_TRACE(row.record + " " + row.counter);
    redis_command({"HINCRBY", row.record, row.counter, std::to_string(row.change)});
    for (const bool repair : {false, true}) {
      const AuditReport report = audit(repair);
      ASSERT_EQ(report.differences.size(), 1U);
      EXPECT_EQ(report.differences[0].workspace, "default");
      EXPECT_EQ(report.differences[0].key_hash, row.record == record ? hash : "");
      EXPECT_EQ(report.differences[0].counter, row.counter);
      EXPECT_EQ(report.differences[0].stored, row.right + row.change);
      EXPECT_EQ(report.differences[0].expected, row.right);
      EXPECT_EQ(report.repaired, repair ? 1 : 0);
    }
    EXPECT_TRUE(audit().clean());
  }
}

TEST_F(AuditTest, NamesBrokenRecords) {
  const std::string hash = create_key().key().hash();
  expect_ok(settle(hash, "gen-1", 100));
  expect_ok(reserve(hash, "gen-2", 30));
  redis_command({"DEL", layout::generation("default", "gen-1")});
  redis_command({"SET", layout::generation("default", "gen-2"), "nonsense"});
  const AuditReport report = audit();
  EXPECT_THAT(report.broken, testing::UnorderedElementsAre("default/gen-1", "default/gen-2"));
  EXPECT_EQ(kind_of(loop_.run(audit_ledger(redis_, "nobody", false)).status()), v1::Failure::KIND_NOT_FOUND);
}

TEST_F(AuditTest, ArchivedGenerationsStayInTheSums) {
  BudgetConfig config;
  config.settled_ttl = milliseconds(1);
  Sweeper sweeper(loop_.context(), redis_, config);
  const std::string hash = create_key().key().hash();
  for (int i = 0; i < 300; ++i)
    expect_ok(settle(hash, fmt::format("gen-{}", i), 7));
  // The age is counted in whole seconds.
  const std::int64_t later = redis_now_ms() + 1100;
  ASSERT_TRUE(loop_.run_until([&] { return redis_now_ms() > later; }));
  expect_ok(settle(hash, "gen-last", 1));
  EXPECT_TRUE(loop_.run(sweeper.sweep()).ok());
  const AuditReport report = audit();
  EXPECT_TRUE(report.clean());
  EXPECT_LT(report.settled, 300);
  EXPECT_EQ(total_usage(), 2101);
  EXPECT_EQ(get_key(hash).spend().usage_daily_nano_usd(), 2101);
  // An audit under way keeps them.
  redis_command({"SET", layout::audit("default"), "1"});
  EXPECT_TRUE(loop_.run(sweeper.sweep()).ok());
  EXPECT_EQ(redis_command({"ZCARD", layout::settled("default")}).integer, report.settled);
}

TEST_F(AuditTest, IsCleanWhileMoneyMoves) {
  const std::string hash = create_key().key().hash();
  BudgetConfig config;
  config.settled_ttl = milliseconds(200);
  Sweeper sweeper(loop_.context(), redis_, config);
  bool stop = false;
  int running = 33;
  const auto worker = [](RedisLedger& ledger, std::string key, int number, const bool& end) -> Awaitable<void> {
    for (int i = 0; !end; ++i) {
      const auto request = reservation(key, fmt::format("gen-{}-{}", number, i), 100);
      const auto reserved = co_await ledger.reserve(request);
      EXPECT_TRUE(reserved.ok());
      const auto done = settlement(key, request.generation_id(), i % 100);
      const auto settled = co_await ledger.settle(done);
      EXPECT_TRUE(settled.ok());
    }
  };
  const auto sweep = [](Sweeper& all, const bool& end) -> Awaitable<void> {
    while (!end) {
      const absl::Status swept = co_await all.sweep();
      EXPECT_TRUE(swept.ok());
    }
  };
  for (int number = 0; number < 32; ++number)
    asio::co_spawn(loop_.context(), worker(ledger_, hash, number, stop), [&](std::exception_ptr) { --running; });
  asio::co_spawn(loop_.context(), sweep(sweeper, stop), [&](std::exception_ptr) { --running; });
  for (int i = 0; i < 30; ++i) {
    const AuditReport report = audit();
    EXPECT_TRUE(report.clean()) << (report.differences.empty() ? report.broken[0] : report.differences[0].counter);
  }
  stop = true;
  ASSERT_TRUE(loop_.run_until([&] { return running == 0; }));
  EXPECT_TRUE(audit().clean());
}

}  // namespace
}  // namespace tollgate
