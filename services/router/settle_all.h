// The last thing a router does.
#pragma once

#include <chrono>
#include <stop_token>
#include <vector>

#include "services/router/router.h"

namespace tollgate::router {

// Waits until the streams of all shards' routers that are read without a client are over, and until all settlements
// have arrived, each shard's on its own thread; at most about `limit`. When `haste` is stopped the streams are aborted
// and the settlements have a few seconds. Blocks; not on a shard. What is left then is settled by its lease, and
// logged.
void settle_all(const std::vector<std::pair<Executor, Router*>>& routers, std::chrono::milliseconds limit,
                const std::stop_token& haste = {});

}  // namespace tollgate::router
