// On Redis Cluster: each command finds the master of its slot, while slots move and masters die.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <memory>

#include "services/common/redis/make_redis.h"
#include "services/common/redis/slots.h"
#include "tests/integration/redis/load.h"
#include "tests/support/process/wait.h"
#include "tests/support/redis/ask_redis.h"
#include "tests/support/redis/cluster_servers.h"

namespace tollgate {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Far more than a failover takes.
constexpr milliseconds kPatient{40000};

class ClusterTest : public ::testing::Test {
 protected:
  absl::StatusOr<RedisReply> command(Redis& redis, std::vector<std::string> argv) {
    return loop_.run(redis.command(std::move(argv)));
  }
  std::unique_ptr<Redis> connect(RedisConfig config) { return make_redis(loop_.context(), config); }

  // A hash tag in a slot of this server.
  static std::string tag_at(std::size_t server) {
    for (int i = 0;; ++i) {
      const std::string tag = fmt::format("t{}", i);
      if (RedisClusterServers::owner_of(slot_of(tag)) == server)
        return tag;
    }
  }

  Loop loop_;
};

TEST_F(ClusterTest, EveryCommandFindsItsSlot) {
  RedisClusterServers servers;
  RedisConfig config = servers.config();
  // Nobody listens at the first two.
  RedisServer gone(RedisServer::Transport::kTcp);
  gone.kill();
  config.cluster->addresses = {gone.address(), "127.0.0.1:1", servers.server(4).address()};
  const auto redis = connect(config);
  EXPECT_EQ(redis->epoch(), 0U);
  std::vector<std::string> keys;
  for (int i = 0; i < 2000; ++i)
    keys.push_back(fmt::format("key{}", i));
  const auto write = [](Redis& to, std::string key) -> Awaitable<void> {
    std::vector<std::string> set = {"SET", key, key};
    const auto stored = co_await to.command(std::move(set));
    EXPECT_TRUE(stored.ok() && stored->text == "OK");
    std::vector<std::string> names = {fmt::format("set:{{{}}}", key)};
    std::vector<std::string> args = {"1"};
    const auto added = co_await to.eval(add_script(), std::move(names), std::move(args));
    EXPECT_TRUE(added.ok() && added->integer == 1);
    std::vector<std::string> get = {"GET", key};
    const auto read = co_await to.command(std::move(get));
    EXPECT_TRUE(read.ok() && read->text == key);
  };
  std::vector<Awaitable<void>> work;
  for (const std::string& key : keys)
    work.push_back(write(*redis, key));
  loop_.run_all(std::move(work));
  EXPECT_EQ(command(*redis, {"PING"})->text, "PONG");
  // One connection to each master.
  EXPECT_EQ(redis->epoch(), 3U);
  std::int64_t stored = 0;
  for (std::size_t master = 0; master < RedisClusterServers::kMasters; ++master) {
    const std::int64_t here = servers.tell(master, {"DBSIZE"}).integer;
    EXPECT_GT(here, 1000);
    stored += here;
  }
  EXPECT_EQ(stored, 4000);
  const auto wrong = command(*redis, {"LPUSH", "key1", "x"});
  ASSERT_TRUE(wrong.ok());
  EXPECT_THAT(wrong->text, HasSubstr("WRONGTYPE"));

  // Cancelled and destroyed with commands in flight.
  for (std::size_t master = 0; master < RedisClusterServers::kMasters; ++master)
    servers.server(master).freeze();
  int cancelled = 0;
  int ended = 0;
  asio::cancellation_signal signal;
  asio::co_spawn(
      loop_.context(), redis->command({"GET", "key1"}),
      asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr problem, absl::StatusOr<RedisReply>) {
        cancelled += problem ? 1 : 0;
      }));
  auto other = connect(config);
  for (const char* key : {"a", "b", "c", "d"}) {
    asio::co_spawn(loop_.context(), other->command({"GET", key}),
                   [&](std::exception_ptr, absl::StatusOr<RedisReply> reply) {
                     EXPECT_EQ(kind_of(reply.status()), v1::Failure::KIND_UNAVAILABLE);
                     ++ended;
                   });
  }
  EXPECT_FALSE(loop_.run_until([&] { return cancelled + ended > 0; }, milliseconds(100)));
  signal.emit(asio::cancellation_type::terminal);
  EXPECT_TRUE(loop_.run_until([&] { return cancelled == 1; }));
  other.reset();
  EXPECT_TRUE(loop_.run_until([&] { return ended == 4; }));
}

TEST_F(ClusterTest, WhatIsNoClusterIsNamed) {
  RedisServer single(RedisServer::Transport::kTcp);
  RedisConfig config;
  config.command_timeout = milliseconds(300);
  config.cluster.emplace();
  for (const auto& [address, problem] :
       {std::pair<std::string, std::string>(single.address(), "cluster support disabled"),
        {"127.0.0.1:1", "refused"}}) {
    config.cluster->addresses = {address};
    const auto reply = command(*connect(config), {"GET", "x"});
    EXPECT_EQ(kind_of(reply.status()), v1::Failure::KIND_UNAVAILABLE);
    EXPECT_THAT(std::string(reply.status().message()), HasSubstr(address));
    EXPECT_THAT(std::string(reply.status().message()), HasSubstr(problem));
  }
}

TEST_F(ClusterTest, ASlotMovesUnderLoad) {
  RedisClusterServers servers;
  RedisConfig config = servers.config();
  config.command_timeout = kPatient;
  const auto redis = connect(config);
  const std::string tag = tag_at(0);
  const std::string slot = std::to_string(slot_of(tag));
  const auto key = [&](int number) { return fmt::format("{{{}}}:{}", tag, number); };
  std::vector<std::string> keys;
  for (int i = 0; i < 20; ++i)
    keys.push_back(key(i));
  Load load(loop_, *redis, keys);
  ASSERT_TRUE(load.goes_on());

  servers.tell(1, {"CLUSTER", "SETSLOT", slot, "IMPORTING", servers.id(0)});
  servers.tell(0, {"CLUSTER", "SETSLOT", slot, "MIGRATING", servers.id(1)});
  // New keys are made at the new owner.
  expect_ok(command(*redis, {"SET", key(100), "new"}));
  EXPECT_THAT(ask_redis(servers.server(0).port(), {"GET", key(100)}).text, HasSubstr("ASK"));
  // A script that the new owner has never seen, on a key that is there alone.
  static const RedisScript fresh("fresh", "return redis.call('GET', KEYS[1]) .. '!'");
  EXPECT_EQ(loop_.run(redis->eval(fresh, {key(100)}, {}))->text, "new!");
  const std::string port = std::to_string(servers.server(1).port());
  for (int i = 0; i < 10; ++i) {
    servers.tell(0, {"MIGRATE", "127.0.0.1", port, key(i), "0", "5000"});
    ASSERT_TRUE(load.goes_on(40));
  }
  // Its keys are here and there: TRYAGAIN until the move is over.
  std::optional<absl::StatusOr<RedisReply>> both;
  static const RedisScript two("two", "return redis.call('SCARD', KEYS[1]) * redis.call('SCARD', KEYS[2])");
  asio::co_spawn(loop_.context(), redis->eval(two, {key(1), key(19)}, {}),
                 [&](std::exception_ptr, absl::StatusOr<RedisReply> reply) { both = std::move(reply); });
  EXPECT_FALSE(loop_.run_until([&] { return both.has_value(); }, milliseconds(200)));
  for (int i = 10; i < 20; ++i)
    servers.tell(0, {"MIGRATE", "127.0.0.1", port, key(i), "0", "5000"});
  ASSERT_TRUE(loop_.run_until([&] { return both.has_value(); }));
  ASSERT_TRUE(both->ok());
  EXPECT_GT((*both)->integer, 0) << (*both)->text;
  ASSERT_TRUE(load.goes_on());
  servers.tell(1, {"CLUSTER", "SETSLOT", slot, "NODE", servers.id(1)});
  servers.tell(0, {"CLUSTER", "SETSLOT", slot, "NODE", servers.id(1)});
  ASSERT_TRUE(load.goes_on());
  load.stop();
  EXPECT_THAT(load.errors(), IsEmpty());
  EXPECT_THAT(load.missing(), IsEmpty());
  EXPECT_EQ(servers.tell(1, {"EXISTS", key(0)}).integer, 1);
  // Nothing was connected anew, and no replica was written to.
  EXPECT_EQ(redis->epoch(), 3U);
}

TEST_F(ClusterTest, ADeadMasterIsReplacedUnderLoad) {
  RedisClusterServers servers;
  RedisConfig config = servers.config();
  config.command_timeout = kPatient;
  const auto redis = connect(config);
  std::vector<std::string> keys;
  for (std::size_t master = 0; master < RedisClusterServers::kMasters; ++master)
    keys.push_back(fmt::format("{{{}}}", tag_at(master)));
  Load load(loop_, *redis, keys, 9);
  ASSERT_TRUE(load.goes_on());

  std::uint64_t epoch = redis->epoch();
  servers.server(0).kill();
  ASSERT_TRUE(loop_.run_until([&] { return redis->epoch() > epoch; }));
  load.mark();
  ASSERT_TRUE(load.goes_on());
  EXPECT_EQ(servers.role(3), "master");
  servers.server(0).start();
  ASSERT_TRUE(loop_.run_until([&] { return servers.role(0) == "slave"; }));
  ASSERT_TRUE(load.goes_on());

  // A frozen one keeps its connections: what waits for its replies moves on all the same.
  epoch = redis->epoch();
  servers.server(1).freeze();
  ASSERT_TRUE(loop_.run_until([&] { return redis->epoch() > epoch; }));
  load.mark();
  ASSERT_TRUE(load.goes_on());
  EXPECT_EQ(servers.role(4), "master");
  servers.server(1).thaw();
  ASSERT_TRUE(loop_.run_until([&] { return servers.role(1) == "slave"; }));
  ASSERT_TRUE(load.goes_on());
  load.stop();
  EXPECT_THAT(load.errors(), IsEmpty());
  EXPECT_THAT(load.missing(), IsEmpty());
}

TEST_F(ClusterTest, AnUnservedSlotIsReportedInTime) {
  RedisClusterServers servers;
  RedisConfig config = servers.config();
  config.command_timeout = milliseconds(600);
  const auto redis = connect(config);
  const std::string tag = tag_at(0);
  expect_ok(command(*redis, {"SET", tag, "1"}));
  servers.server(3).kill();
  servers.server(0).kill();
  // While its master is only away, and after the others have found the slots uncovered.
  for (int i = 0; i < 4; ++i) {
    const auto begin = SteadyClock::now();
    const auto reply = command(*redis, {"SET", tag, "2"});
    EXPECT_EQ(kind_of(reply.status()), v1::Failure::KIND_UNAVAILABLE);
    EXPECT_GE(SteadyClock::now() - begin, milliseconds(590));
    // Generous: the machine may be busy.
    EXPECT_LT(SteadyClock::now() - begin, milliseconds(3000));
  }
  const std::string other = tag_at(1);
  ASSERT_TRUE(loop_.run_until([&] {
    const auto reply = command(*redis, {"SET", other, "1"});
    return !reply.ok() && std::string(reply.status().message()).find("CLUSTERDOWN") != std::string::npos;
  }));
  servers.server(0).start();
  ASSERT_TRUE(loop_.run_until([&] { return command(*redis, {"SET", tag, "3"}).ok(); }));
  EXPECT_EQ(command(*redis, {"GET", tag})->text, "3");
}

}  // namespace
}  // namespace tollgate
