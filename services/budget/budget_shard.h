// Ledger, keys, workspaces and marks as one shard holds them.
#pragma once

#include <memory>

#include "services/budget/aof_renewal.h"
#include "services/budget/redis_keys.h"
#include "services/budget/redis_ledger.h"
#include "services/budget/redis_marks.h"
#include "services/budget/redis_sign_ins.h"
#include "services/budget/redis_workspaces.h"
#include "services/budget/sweeper.h"
#include "services/budget/write_replay.h"
#include "services/common/redis/make_redis.h"

namespace tollgate {

struct BudgetShard {
  BudgetShard(asio::io_context& context, const Config& config);

  // What one shard of a process does for the data of all: ends leases, forgets old generations, renews Redis' file.
  void start_housekeeping(asio::io_context& context);

  std::unique_ptr<Redis> redis;
  WriteReplay writes;
  RedisLedger ledger;
  RedisKeys keys;
  RedisWorkspaces workspaces;
  RedisMarks marks;
  RedisSignIns sign_ins;

 private:
  Sweeper sweeper_;
  AofRenewal aof_renewal_;
  // A cluster's nodes have replicas that take over; commands without a key reach any one of them.
  const bool renews_aof_;
};

}  // namespace tollgate
