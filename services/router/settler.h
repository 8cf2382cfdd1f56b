// Sees to it that every settlement arrives: sent again until the ledger has taken it.
#pragma once

#include <cstddef>

#include "services/common/api/ledger.h"

namespace tollgate::router {

// One for each shard; outlives what it has spawned only if settled() was awaited or the io_context has stopped.
class Settler {
 public:
  Settler(asio::io_context& context, Ledger& ledger) : context_(context), ledger_(ledger) {}

  // Returns at once.
  void settle(v1::SettleRequest request);
  // Settlements on their way.
  std::size_t pending() const { return pending_; }
  // Waits until none is pending, at most `limit`. True when none is.
  Awaitable<bool> settled(std::chrono::milliseconds limit);

 private:
  Awaitable<void> deliver(v1::SettleRequest request);

  asio::io_context& context_;
  Ledger& ledger_;
  std::size_t pending_ = 0;
};

}  // namespace tollgate::router
