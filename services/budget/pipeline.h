// Many commands at once.
#pragma once

#include <string>
#include <vector>

#include "services/common/redis/redis.h"

namespace tollgate {

// Sends all commands before it waits for a reply: as long as the slowest one takes, not all together. Replies in the
// order of the commands; the first error, be it one of Redis'. `redis` outlives what was sent, cancelled or not.
Awaitable<absl::StatusOr<std::vector<RedisReply>>> run_all(Redis& redis,
                                                           std::vector<std::vector<std::string>> commands);

}  // namespace tollgate
