// Ledger, keys and workspaces as one shard holds them.
#pragma once

#include "services/budget/redis_keys.h"
#include "services/budget/redis_ledger.h"
#include "services/budget/redis_workspaces.h"
#include "services/budget/sweeper.h"
#include "services/common/redis/redis_client.h"

namespace tollgate {

struct BudgetShard {
  BudgetShard(asio::io_context& context, const Config& config)
      : redis(context, config.redis),
        ledger(redis, config.budget),
        keys(redis),
        workspaces(redis),
        sweeper(context, redis, config.budget) {}

  RedisClient redis;
  RedisLedger ledger;
  RedisKeys keys;
  RedisWorkspaces workspaces;
  // Runs on one shard of a process.
  Sweeper sweeper;
};

}  // namespace tollgate
