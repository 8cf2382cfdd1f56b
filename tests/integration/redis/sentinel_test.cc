// Behind Sentinel: commands go to the master, whoever that is, and to nobody who only says so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "services/common/redis/make_redis.h"
#include "tests/integration/redis/load.h"
#include "tests/support/process/wait.h"
#include "tests/support/redis/sentinel_group.h"

namespace tollgate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Far more than a failover takes.
constexpr milliseconds kPatient{40000};

class SentinelTest : public ::testing::Test {
 protected:
  absl::StatusOr<RedisReply> command(Redis& redis, std::vector<std::string> argv) {
    return loop_.run(redis.command(std::move(argv)));
  }
  std::unique_ptr<Redis> connect(RedisConfig config) { return make_redis(loop_.context(), config); }

  Loop loop_;
};

TEST_F(SentinelTest, AKilledMasterIsReplacedUnderLoad) {
  SentinelGroup group;
  RedisConfig config = group.config();
  config.command_timeout = kPatient;
  const auto redis = connect(config);
  EXPECT_EQ(redis->epoch(), 0U);
  Load load(loop_, *redis, {"a", "b", "c"});
  ASSERT_TRUE(load.goes_on());
  EXPECT_EQ(redis->epoch(), 1U);
  EXPECT_EQ(group.role(0), "master");

  group.server(0).kill();
  ASSERT_TRUE(loop_.run_until([&] { return redis->epoch() > 1; }));
  load.mark();
  ASSERT_TRUE(load.goes_on());
  EXPECT_EQ(group.role(1), "master");

  // The old one comes back, as a replica of the new one.
  group.server(0).start();
  ASSERT_TRUE(loop_.run_until([&] { return group.role(0) == "slave"; }));
  ASSERT_TRUE(load.goes_on());
  load.stop();
  EXPECT_THAT(load.errors(), IsEmpty());
  EXPECT_THAT(load.missing(), IsEmpty());
}

TEST_F(SentinelTest, OnlyAMasterIsWrittenTo) {
  // Nobody fails over by itself here.
  SentinelGroup group(60000);
  RedisConfig config = group.config();
  config.command_timeout = kPatient;
  const auto redis = connect(config);
  expect_ok(command(*redis, {"SET", "x", "1"}));

  // Demoted with the connection still standing: it answers READONLY, and the sentinels name nobody for a while.
  group.forget_master();
  group.tell(1, {"REPLICAOF", "NO", "ONE"});
  group.tell(0, {"REPLICAOF", "127.0.0.1", std::to_string(group.server(1).port())});
  std::optional<absl::StatusOr<RedisReply>> reply;
  asio::co_spawn(loop_.context(), redis->command({"SET", "x", "2"}),
                 [&](std::exception_ptr, absl::StatusOr<RedisReply> value) { reply = std::move(value); });
  EXPECT_FALSE(loop_.run_until([&] { return reply.has_value(); }, milliseconds(300)));
  // They name the demoted one: its ROLE gives it away.
  group.watch(0);
  EXPECT_FALSE(loop_.run_until([&] { return reply.has_value(); }, milliseconds(700)));
  EXPECT_EQ(redis->epoch(), 1U);
  RedisConfig impatient = config;
  impatient.command_timeout = milliseconds(400);
  const auto refused = command(*connect(impatient), {"SET", "x", "3"});
  EXPECT_EQ(kind_of(refused.status()), v1::Failure::KIND_UNAVAILABLE);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("says that it is a slave"));
  group.forget_master();
  group.watch(1);
  ASSERT_TRUE(loop_.run_until([&] { return reply.has_value(); }));
  expect_ok(*reply);
  EXPECT_EQ(redis->epoch(), 2U);
  EXPECT_EQ(group.tell(1, {"GET", "x"}).text, "2");
}

TEST_F(SentinelTest, OneSentinelIsEnough) {
  SentinelGroup group;
  group.kill_sentinel(0);
  group.freeze_sentinel(1);
  RedisConfig config = group.config();
  EXPECT_EQ(command(*connect(config), {"SET", "x", "1"})->text, "OK");

  RedisConfig wrong = config;
  wrong.command_timeout = milliseconds(1000);
  wrong.sentinel->master = "another";
  auto refused = command(*connect(wrong), {"PING"});
  EXPECT_EQ(kind_of(refused.status()), v1::Failure::KIND_UNAVAILABLE);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("knows no master \"another\""));
  wrong = config;
  wrong.command_timeout = milliseconds(1000);
  wrong.sentinel->password = "guess";
  refused = command(*connect(wrong), {"PING"});
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("WRONGPASS"));
  EXPECT_THAT(std::string(refused.status().message()), ::testing::Not(HasSubstr("guess")));

  group.kill_sentinel(2);
  wrong = config;
  wrong.command_timeout = milliseconds(1000);
  wrong.sentinel->addresses.erase(wrong.sentinel->addresses.begin() + 1);
  refused = command(*connect(wrong), {"PING"});
  EXPECT_EQ(kind_of(refused.status()), v1::Failure::KIND_UNAVAILABLE);
  for (const std::string& address : wrong.sentinel->addresses)
    EXPECT_THAT(std::string(refused.status().message()), HasSubstr(address + " (a sentinel)"));
}

TEST_F(SentinelTest, ClosedWhileItLooksForTheMaster) {
  RedisConfig config;
  config.sentinel.emplace();
  config.sentinel->master = "mymaster";
  // Takes connections and says nothing.
  RedisServer server(RedisServer::Transport::kTcp);
  server.freeze();
  config.sentinel->addresses = {server.address()};
  std::optional<absl::StatusOr<RedisReply>> reply;
  {
    const auto redis = connect(config);
    asio::co_spawn(loop_.context(), redis->command({"PING"}),
                   [&](std::exception_ptr, absl::StatusOr<RedisReply> value) { reply = std::move(value); });
    EXPECT_FALSE(loop_.run_until([&] { return reply.has_value(); }, milliseconds(50)));
  }
  ASSERT_TRUE(loop_.run_until([&] { return reply.has_value(); }));
  EXPECT_EQ(kind_of(reply->status()), v1::Failure::KIND_UNAVAILABLE);
  // Nothing of it keeps the loop busy.
  loop_.context().restart();
  loop_.context().run_for(std::chrono::seconds(20));
  EXPECT_TRUE(loop_.context().stopped());
}

}  // namespace
}  // namespace tollgate
