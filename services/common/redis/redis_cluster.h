// A Redis Cluster: each command goes to the master of its slot, over one connection to each master.
#pragma once

#include <cstddef>
#include <memory>

#include "services/common/config/config.h"
#include "services/common/redis/redis.h"

namespace tollgate {

// A command waits, moves and is sent again until its command_timeout is over: while a slot moves, while a replica takes
// a dead master's place, while no node can be reached. Replicas are only asked for the map of the slots. A command
// without a key goes to any master.
class RedisCluster : public Redis {
 public:
  // `config.cluster` is given. Begins to look for the nodes at once. One more command than `max_pending` gets
  // UNAVAILABLE at once. The client keeps `context` busy until it is destroyed.
  RedisCluster(asio::io_context& context, RedisConfig config, std::size_t max_pending = 16384);
  // Commands that wait get UNAVAILABLE.
  ~RedisCluster() override;
  RedisCluster(const RedisCluster&) = delete;
  RedisCluster& operator=(const RedisCluster&) = delete;

  Awaitable<absl::StatusOr<RedisReply>> command(std::vector<std::string> argv) override;
  Awaitable<absl::StatusOr<RedisReply>> eval(const RedisScript& script, std::vector<std::string> keys,
                                             std::vector<std::string> args) override;
  // Of all connections to all masters.
  std::uint64_t epoch() const override;

 private:
  class Core;
  std::shared_ptr<Core> core_;
};

}  // namespace tollgate
