// Commands and scripts whose refusal by Redis is an error like any other.
#pragma once

#include <string>
#include <vector>

#include "services/common/redis/redis.h"

namespace tollgate {

Awaitable<absl::StatusOr<RedisReply>> run(Redis& redis, std::vector<std::string> argv);
Awaitable<absl::StatusOr<RedisReply>> run(Redis& redis, const RedisScript& script, std::vector<std::string> keys,
                                          std::vector<std::string> args);

}  // namespace tollgate
