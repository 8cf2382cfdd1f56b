#include "tests/support/redis/sentinel_group.h"

#include <fmt/format.h>
#include <signal.h>

#include <stdexcept>

#include "tests/support/process/wait.h"
#include "tests/support/redis/ask_redis.h"

namespace tollgate {
namespace {

constexpr std::size_t kSentinels = 3;

}  // namespace

SentinelGroup::SentinelGroup(int down_after_ms) : down_after_ms_(down_after_ms) {
  const std::vector<std::string> common = {
      "--requirepass", kPassword, "--masterauth", kPassword, "--repl-diskless-sync-delay", "0"};
  servers_.push_back(std::make_unique<RedisServer>(RedisServer::Transport::kTcp, common));
  std::vector<std::string> replica = common;
  replica.insert(replica.end(), {"--replicaof", "127.0.0.1", std::to_string(server(0).port())});
  servers_.push_back(std::make_unique<RedisServer>(RedisServer::Transport::kTcp, replica));
  if (!testing::wait_until([&] {
        return info_field(tell(1, {"INFO", "replication"}).text, "master_link_status") == "up";
      }))
    throw std::runtime_error("the replica did not find its master");
  for (std::size_t i = 0; i < kSentinels; ++i)
    start_sentinel();
  watch(0);
  if (!testing::wait_until([&] { return complete(); }))
    throw std::runtime_error("the sentinels did not find each other");
}

RedisConfig SentinelGroup::config() const {
  RedisConfig config;
  config.password = kPassword;
  RedisSentinelConfig& sentinel = config.sentinel.emplace();
  sentinel.master = kMaster;
  sentinel.password = kSentinelPassword;
  for (const auto& one : sentinels_)
    sentinel.addresses.push_back(fmt::format("127.0.0.1:{}", one->port));
  return config;
}

RedisReply SentinelGroup::tell(std::size_t server, const std::vector<std::string>& argv) const {
  return tell_redis(servers_.at(server)->port(), argv, kPassword);
}

std::string SentinelGroup::role(std::size_t server) const {
  return role_of(servers_.at(server)->port(), kPassword);
}

void SentinelGroup::freeze_sentinel(std::size_t index) {
  sentinels_.at(index)->process->signal(SIGSTOP);
}

void SentinelGroup::tell_sentinels(const std::vector<std::string>& argv) const {
  for (const auto& one : sentinels_) {
    if (one->process->running())
      tell_redis(one->port, argv, kSentinelPassword);
  }
}

void SentinelGroup::forget_master() const {
  tell_sentinels({"SENTINEL", "REMOVE", kMaster});
}

void SentinelGroup::watch(std::size_t server) const {
  tell_sentinels({"SENTINEL", "MONITOR", kMaster, "127.0.0.1", std::to_string(servers_.at(server)->port()), "2"});
  tell_sentinels({"SENTINEL", "SET", kMaster, "auth-pass", kPassword, "down-after-milliseconds",
                  std::to_string(down_after_ms_), "failover-timeout", "2000"});
}

void SentinelGroup::start_sentinel() {
  auto sentinel = std::make_unique<Sentinel>();
  sentinel->port = testing::free_port();
  const std::string file = sentinel->directory.write(
      "sentinel.conf",
      fmt::format("port {}\nbind 127.0.0.1\ndir {}\nrequirepass {}\nsentinel sentinel-pass {}\n", sentinel->port,
                  sentinel->directory.path().string(), kSentinelPassword, kSentinelPassword));
  sentinel->process = std::make_unique<testing::Process>(std::vector<std::string>{"redis-server", file, "--sentinel"});
  if (!testing::wait_for_port("127.0.0.1", sentinel->port))
    throw std::runtime_error("a sentinel did not start");
  // Their usual times are for networks: seconds and more.
  tell_redis(
      sentinel->port,
      {"SENTINEL", "DEBUG", "info-period", "200", "ping-period", "100", "ask-period", "100", "publish-period", "100"},
      kSentinelPassword);
  sentinels_.push_back(std::move(sentinel));
}

bool SentinelGroup::complete() const {
  for (const auto& one : sentinels_) {
    const RedisReply reply = tell_redis(one->port, {"SENTINEL", "MASTER", kMaster}, kSentinelPassword);
    std::string others;
    std::string replicas;
    for (std::size_t i = 0; i + 1 < reply.elements.size(); i += 2) {
      if (reply.elements[i].text == "num-other-sentinels")
        others = reply.elements[i + 1].text;
      if (reply.elements[i].text == "num-slaves")
        replicas = reply.elements[i + 1].text;
    }
    if (others != std::to_string(kSentinels - 1) || replicas != "1")
      return false;
  }
  return true;
}

}  // namespace tollgate
