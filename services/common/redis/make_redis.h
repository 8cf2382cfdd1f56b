// Redis as it is configured.
#pragma once

#include <memory>
#include <string>

#include "services/common/config/config.h"
#include "services/common/redis/redis.h"

namespace tollgate {

// Begins to connect at once, and keeps `context` busy until it is destroyed.
std::unique_ptr<Redis> make_redis(asio::io_context& context, const RedisConfig& config);

// What is configured, for people: an address, or the servers that know it.
std::string describe(const RedisConfig& config);

}  // namespace tollgate
