#include "services/budget/budget_shard.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace tollgate {

BudgetShard::BudgetShard(asio::io_context& context, const Config& config)
    : redis(make_redis(context, config.redis)),
      writes(context, *redis),
      ledger(writes, config.budget),
      keys(*redis),
      workspaces(*redis),
      marks(*redis),
      sign_ins(*redis),
      sweeper_(context, *redis, config.budget),
      aof_renewal_(context, *redis),
      renews_aof_(!config.redis.cluster) {}

void BudgetShard::start_housekeeping(asio::io_context& context) {
  asio::co_spawn(context.get_executor(), sweeper_.run(), asio::detached);
  if (renews_aof_)
    asio::co_spawn(context.get_executor(), aof_renewal_.run(), asio::detached);
}

}  // namespace tollgate
