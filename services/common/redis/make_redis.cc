#include "services/common/redis/make_redis.h"

#include "services/common/redis/redis_client.h"

namespace tollgate {

std::unique_ptr<Redis> make_redis(asio::io_context& context, const RedisConfig& config) {
  return std::make_unique<RedisClient>(context, config);
}

std::string describe(const RedisConfig& config) {
  return config.address;
}

}  // namespace tollgate
