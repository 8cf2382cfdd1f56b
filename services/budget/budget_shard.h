// Ledger, activity, keys, workspaces and marks as one shard holds them.
#pragma once

#include <memory>

#include "services/budget/activity_outlet.h"
#include "services/budget/aof_renewal.h"
#include "services/budget/redis_activity.h"
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
  // `outlet` is shared by the shards; null: none.
  BudgetShard(asio::io_context& context, const Config& config, std::shared_ptr<ActivityOutlet> outlet);

  // What one shard of a process does for the data of all: ends leases, forgets old generations, renews Redis' file.
  void start_housekeeping(asio::io_context& context);

  const std::shared_ptr<ActivityOutlet> outlet;
  std::unique_ptr<Redis> redis;
  WriteReplay writes;
  RedisLedger ledger;
  RedisKeys keys;
  RedisWorkspaces workspaces;
  RedisMarks marks;
  RedisActivity activity;
  RedisSignIns sign_ins;

 private:
  Sweeper sweeper_;
  AofRenewal aof_renewal_;
  // A cluster's nodes have replicas that take over; commands without a key reach any one of them.
  const bool renews_aof_;
};

}  // namespace tollgate
