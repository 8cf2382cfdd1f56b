// Ends what nobody ends: holds whose owner has died, and records that nobody asks for any more.
#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "services/budget/activity_outlet.h"
#include "services/common/config/config.h"
#include "services/common/redis/redis.h"

namespace tollgate {

// A hold that was not renewed within its lease is settled at its last checkpoint (USAGE_SOURCE_LEASE_EXPIRED). A
// generation settled longer ago than `settled_ttl` is forgotten; its cost stays in the sums. Records older than
// `activity.raw_ttl` go, and the sessions beyond `activity.sessions` whose last request is the oldest. Every replica
// may run one: the scripts do each once. Used on its shard alone; `redis` outlives it.
class Sweeper {
 public:
  // `outlet`, which may be null, outlives it.
  Sweeper(asio::io_context& context, Redis& redis, const BudgetConfig& config, ActivityOutlet* outlet = nullptr);

  // Sweeps three times in a lease, with jitter, until it is cancelled. Not before Redis has been reachable for a whole
  // lease: after an outage the owners of running requests get as long to renew their leases and to settle.
  Awaitable<void> run();

  // All workspaces once; counts what it settles in settled().
  Awaitable<absl::Status> sweep();

  // Holds settled by this sweeper since it began.
  std::int64_t settled() const { return settled_; }

 private:
  Awaitable<absl::Status> expire(std::string workspace);
  Awaitable<absl::Status> retire(std::string workspace);
  // Drops what is remembered of requests beyond its bounds.
  Awaitable<absl::Status> trim(std::string workspace);

  Redis& redis_;
  const milliseconds lease_;
  const std::string settled_ttl_text_;
  const ActivityConfig activity_;
  ActivityOutlet* const outlet_;
  Timer timer_;
  std::mt19937 random_;
  std::int64_t settled_ = 0;
};

}  // namespace tollgate
