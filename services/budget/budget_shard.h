// Ledger and keys as one shard holds them.
#pragma once

#include "services/budget/lease_reaper.h"
#include "services/budget/redis_keys.h"
#include "services/budget/redis_ledger.h"
#include "services/common/redis/redis_client.h"

namespace tollgate {

struct BudgetShard {
  BudgetShard(asio::io_context& context, const Config& config)
      : redis(context, config.redis),
        ledger(redis, config.budget),
        keys(redis),
        reaper(context, redis, config.budget) {}

  RedisClient redis;
  RedisLedger ledger;
  RedisKeys keys;
  // Runs on one shard of a process.
  LeaseReaper reaper;
};

}  // namespace tollgate
