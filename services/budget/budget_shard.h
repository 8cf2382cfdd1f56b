// Ledger, keys and workspaces as one shard holds them.
#pragma once

#include <memory>

#include "services/budget/redis_keys.h"
#include "services/budget/redis_ledger.h"
#include "services/budget/redis_workspaces.h"
#include "services/budget/sweeper.h"
#include "services/budget/write_replay.h"
#include "services/common/redis/make_redis.h"

namespace tollgate {

struct BudgetShard {
  BudgetShard(asio::io_context& context, const Config& config)
      : redis(make_redis(context, config.redis)),
        writes(context, *redis),
        ledger(writes, config.budget),
        keys(*redis),
        workspaces(*redis),
        sweeper(context, *redis, config.budget) {}

  std::unique_ptr<Redis> redis;
  WriteReplay writes;
  RedisLedger ledger;
  RedisKeys keys;
  RedisWorkspaces workspaces;
  // Runs on one shard of a process.
  Sweeper sweeper;
};

}  // namespace tollgate
