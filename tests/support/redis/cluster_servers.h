// A Redis Cluster for tests: three masters that share the slots evenly, a replica of each, all real processes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "services/common/config/config.h"
#include "services/common/redis/redis.h"
#include "tests/support/redis/redis_server.h"

namespace tollgate {

class RedisClusterServers {
 public:
  static constexpr std::size_t kMasters = 3;

  // Returns when all nodes agree on the map and the replicas follow. `node_timeout_ms`: how long a master is silent
  // before its replica takes its place.
  explicit RedisClusterServers(int node_timeout_ms = 1000);

  // All nodes as seeds.
  RedisConfig config() const;

  // Servers 0 to 2 are the masters of the beginning, 3 to 5 their replicas.
  RedisServer& server(std::size_t index) { return *servers_.at(index); }
  RedisReply tell(std::size_t server, const std::vector<std::string>& argv) const;
  // Of the beginning.
  static std::size_t owner_of(std::uint16_t slot);
  std::string id(std::size_t server) const;
  // Master or slave; empty when it does not answer.
  std::string role(std::size_t server) const;

 private:
  bool settled() const;

  std::vector<std::unique_ptr<RedisServer>> servers_;
};

}  // namespace tollgate
