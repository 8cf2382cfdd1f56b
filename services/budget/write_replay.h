// Writes to Redis that are sent again when it may have lost them.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "services/common/redis/redis.h"

namespace tollgate {

// Redis acknowledges a write before it is safe: with appendfsync everysec a crash of its machine, or of it alone
// while an fsync is under way, takes up to two seconds of them, a failover what had not reached the replica. All
// scripts of the ledger are idempotent, so those acknowledged within the last `kRemembered` are simply sent again, in
// their order, when a connection had to be made anew (Redis::epoch). What is lost is what neither Redis nor this
// process has survived.
//
// A Redis itself: scripts that go through it are remembered, commands are not. Used on its shard alone; `redis`
// outlives it.
class WriteReplay : public Redis {
 public:
  static constexpr std::chrono::milliseconds kRemembered{5000};
  // Beyond, the oldest are forgotten: about a kilobyte each.
  static constexpr std::size_t kMostRemembered = 65536;

  WriteReplay(asio::io_context& context, Redis& redis);
  ~WriteReplay() override;

  Awaitable<absl::StatusOr<RedisReply>> command(std::vector<std::string> argv) override;
  Awaitable<absl::StatusOr<RedisReply>> eval(const RedisScript& script, std::vector<std::string> keys,
                                             std::vector<std::string> args) override;
  std::uint64_t epoch() const override { return redis_.epoch(); }

  // Writes sent again so far.
  std::size_t replayed() const;

 private:
  struct Core;

  Redis& redis_;
  std::shared_ptr<Core> core_;
};

}  // namespace tollgate
