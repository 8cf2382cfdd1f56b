// A master, its replica and three sentinels that watch them: real processes, which can be killed and frozen one by one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "services/common/config/config.h"
#include "services/common/redis/redis.h"
#include "tests/support/process/process.h"
#include "tests/support/redis/redis_server.h"

namespace tollgate {

class SentinelGroup {
 public:
  static constexpr const char* kMaster = "mymaster";
  // Of the servers, and of the sentinels.
  static constexpr const char* kPassword = "secret";
  static constexpr const char* kSentinelPassword = "watch";

  // Returns when the replica follows the master and all sentinels know the replica and each other. `down_after_ms`: how
  // long a master is silent before they replace it.
  explicit SentinelGroup(int down_after_ms = 500);

  RedisConfig config() const;

  // The servers: the master of the beginning, then its replica.
  RedisServer& server(std::size_t index) { return *servers_.at(index); }
  // One command to it that must not fail.
  RedisReply tell(std::size_t server, const std::vector<std::string>& argv) const;
  // Master or slave; empty when it does not answer.
  std::string role(std::size_t server) const;

  void kill_sentinel(std::size_t index) { sentinels_.at(index)->process->kill(); }
  void freeze_sentinel(std::size_t index);
  // One command to each sentinel that lives.
  void tell_sentinels(const std::vector<std::string>& argv) const;
  // They forget the master that they watch, and watch this server.
  void forget_master() const;
  void watch(std::size_t server) const;

 private:
  struct Sentinel {
    std::uint16_t port = 0;
    testing::TemporaryDirectory directory;
    std::unique_ptr<testing::Process> process;
  };

  void start_sentinel();
  bool complete() const;

  int down_after_ms_;
  std::vector<std::unique_ptr<RedisServer>> servers_;
  std::vector<std::unique_ptr<Sentinel>> sentinels_;
};

}  // namespace tollgate
