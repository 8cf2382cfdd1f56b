// Which shard serves a call.
#pragma once

#include <atomic>
#include <cstddef>
#include <utility>
#include <vector>

#include "services/common/async.h"

namespace tollgate {

// The implementation of a service on one shard: called on `executor` only. Both outlive the server.
template <class Interface>
struct Shard {
  Executor executor;
  Interface* implementation;
};

// The shards of a service, each in turn. Any thread.
template <class Interface>
class RoundRobin {
 public:
  // At least one.
  explicit RoundRobin(std::vector<Shard<Interface>> shards) : shards_(std::move(shards)) {}

  const Shard<Interface>& next() { return shards_[next_.fetch_add(1, std::memory_order_relaxed) % shards_.size()]; }

 private:
  const std::vector<Shard<Interface>> shards_;
  std::atomic<std::size_t> next_{0};
};

}  // namespace tollgate
