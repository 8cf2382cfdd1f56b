#include "services/budget/budget_shard.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

namespace tollgate {

BudgetShard::BudgetShard(asio::io_context& context, const Config& config, std::shared_ptr<ActivityOutlet> to)
    : outlet(std::move(to)),
      redis(make_redis(context, config.redis)),
      writes(context, *redis),
      ledger(writes, config.budget, outlet.get()),
      keys(*redis),
      workspaces(*redis),
      marks(*redis),
      activity(*redis, config.budget),
      sign_ins(*redis),
      sweeper_(context, *redis, config.budget, outlet.get()),
      aof_renewal_(context, *redis),
      renews_aof_(!config.redis.cluster) {}

void BudgetShard::start_housekeeping(asio::io_context& context) {
  asio::co_spawn(context.get_executor(), sweeper_.run(), asio::detached);
  if (renews_aof_)
    asio::co_spawn(context.get_executor(), aof_renewal_.run(), asio::detached);
}

}  // namespace tollgate
