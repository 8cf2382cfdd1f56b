#include "services/common/redis/make_redis.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <utility>

#include "services/common/redis/metered_redis.h"
#include "services/common/redis/redis_client.h"
#include "services/common/redis/redis_cluster.h"
#include "services/common/redis/sentinel.h"

namespace tollgate {

namespace {

std::unique_ptr<Redis> make_client(asio::io_context& context, const RedisConfig& config) {
  if (config.cluster)
    return std::make_unique<RedisCluster>(context, config);
  RedisClientOptions options;
  options.name = describe(config);
  if (config.sentinel) {
    auto sentinels = std::make_shared<Sentinels>(context, config);
    options.locate = [sentinels = std::move(sentinels)] { return sentinels->find_master(); };
    options.master_only = true;
  }
  return std::make_unique<RedisClient>(context, config, std::move(options));
}

}  // namespace

std::unique_ptr<Redis> make_redis(asio::io_context& context, const RedisConfig& config) {
  return std::make_unique<MeteredRedis>(make_client(context, config), telemetry());
}

std::string describe(const RedisConfig& config) {
  if (config.sentinel)
    return fmt::format("the master \"{}\" of the sentinels {}", config.sentinel->master,
                       fmt::join(config.sentinel->addresses, ", "));
  if (config.cluster)
    return fmt::format("the cluster of {}", fmt::join(config.cluster->addresses, ", "));
  return config.address;
}

}  // namespace tollgate
