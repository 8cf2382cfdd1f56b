// What Redis acknowledged and lost is written again.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "services/budget/aof_renewal.h"
#include "services/budget/ledger_audit.h"
#include "services/budget/write_replay.h"
#include "tests/integration/budget/fixture.h"

namespace tollgate {
namespace {

// appendonly.aof.<sequence>.incr.aof
int sequence_of(const std::filesystem::path& file) {
  const std::string name = file.filename().string();
  const std::string prefix = "appendonly.aof.";
  return name.starts_with(prefix) ? std::atoi(name.c_str() + prefix.size()) : 0;
}

class ReplayTest : public BudgetTest {
 protected:
  // A key that no crash takes: only holds and settlements are written again.
  std::string durable_key(std::int64_t limit) {
    redis_command({"CONFIG", "SET", "appendfsync", "always"});
    const std::string hash = create_key(limit).key().hash();
    redis_command({"CONFIG", "SET", "appendfsync", "everysec"});
    return hash;
  }

  // The end of the append-only file never reached the disk.
  void lose_tail(std::uintmax_t bytes) {
    server_.kill();
    std::filesystem::path file;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(server_.directory())) {
      // The newest: an older one may be about to be removed.
      if (entry.path().string().ends_with(".incr.aof") && sequence_of(entry.path()) > sequence_of(file))
        file = entry.path();
    }
    ASSERT_FALSE(file.empty());
    const std::uintmax_t size = std::filesystem::file_size(file);
    // Redis itself may have kept more of it back: it waits with writing while an fsync is under way.
    std::filesystem::resize_file(file, size - std::min(size, bytes));
    server_.start();
    ASSERT_TRUE(loop_.run(renewal_.renew()).ok());
    ASSERT_TRUE(loop_.run_until([this] {
      const std::string state = text_of({"INFO", "persistence"});
      return state.find("aof_rewrite_in_progress:0") != std::string::npos &&
             state.find("aof_rewrite_scheduled:0") != std::string::npos;
    }));
  }

  AofRenewal renewal_{loop_.context(), redis_};
  WriteReplay writes_{loop_.context(), redis_};
  RedisLedger replaying_{writes_, BudgetConfig()};
};

TEST_F(ReplayTest, ATruncatedFileLosesNothing) {
  const std::string hash = durable_key(10 * kUsd);
  std::int64_t charged = 0;
  // In the middle of a command, of a transaction, and of the one before.
  for (const std::uintmax_t lost : {1U, 5U, 16U, 40U, 100U, 333U, 4096U, 20'000U, 20'007U}) {
    SCOPED_TRACE(lost);
    for (int i = 0; i < 200; ++i) {
      const std::string generation = fmt::format("gen-{}-{}", lost, i);
      expect_ok(loop_.run(replaying_.reserve(reservation(hash, generation, 100))));
      // The last ones are still running.
      if (i < 195) {
        expect_ok(loop_.run(replaying_.settle(settlement(hash, generation, i))));
        charged += i;
      }
    }
    const std::size_t before = writes_.replayed();
    lose_tail(lost);
    ASSERT_TRUE(loop_.run_until([&] {
      const v1::Spend spend = get_key(hash).spend();
      return writes_.replayed() > before && spend.usage_nano_usd() >= charged && spend.held_nano_usd() >= 5 * 100;
    }));
    EXPECT_EQ(get_key(hash).spend().usage_nano_usd(), charged);
    EXPECT_EQ(get_key(hash).spend().held_nano_usd(), 5 * 100);
    for (int i = 195; i < 200; ++i) {
      expect_ok(loop_.run(replaying_.settle(settlement(hash, fmt::format("gen-{}-{}", lost, i), 3))));
      charged += 3;
    }
    const auto audit = loop_.run(audit_ledger(redis_, "", false));
    EXPECT_TRUE(audit->clean());
    EXPECT_EQ(audit->holds, 0);
    EXPECT_EQ(total_usage(), charged);
  }
}

TEST_F(ReplayTest, ARefusalIsNotTriedAgain) {
  const std::string hash = durable_key(100);
  expect_ok(loop_.run(replaying_.reserve(reservation(hash, "gen-1", 100))));
  EXPECT_FALSE(loop_.run(replaying_.reserve(reservation(hash, "gen-2", 100))).ok());
  expect_ok(loop_.run(replaying_.settle(settlement(hash, "gen-1", 0))));
  lose_tail(1);
  ASSERT_TRUE(loop_.run_until([&] { return writes_.replayed() == 2; }));
  EXPECT_EQ(get_key(hash).spend().held_nano_usd(), 0);
}

TEST_F(ReplayTest, AnOutageOfAnyLengthDoesNotMakeItForget) {
  const std::string hash = durable_key(100);
  expect_ok(loop_.run(replaying_.reserve(reservation(hash, "gen-1", 100))));
  expect_ok(loop_.run(replaying_.settle(settlement(hash, "gen-1", 60))));
  server_.kill();
  loop_.run_until([] { return false; }, WriteReplay::kRemembered + milliseconds(700));
  server_.start();
  ASSERT_TRUE(loop_.run_until([&] { return writes_.replayed() == 2; }));
  EXPECT_EQ(get_key(hash).spend().usage_nano_usd(), 60);
}

}  // namespace
}  // namespace tollgate
