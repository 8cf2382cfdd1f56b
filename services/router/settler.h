// Sees to it that every settlement arrives: sent again until the ledger has taken it. Records of requests that were
// not admitted are tried a few times, and as long as a lease lasts where the ledger may have taken a hold.
#pragma once

#include <cstddef>
#include <stop_token>

#include "services/common/api/ledger.h"
#include "services/router/metrics.h"

namespace tollgate::router {

// One for each shard; outlives what it has spawned only if settled() was awaited or the io_context has stopped.
class Settler {
 public:
  // `metrics`, which may be null, outlives it.
  Settler(asio::io_context& context, Ledger& ledger, Metrics* metrics = nullptr)
      : context_(context), ledger_(ledger), metrics_(metrics) {}

  // Returns at once.
  void settle(v1::SettleRequest request);
  // The same for a request that was not admitted. `unanswered`: the ledger has not said so, and may have taken a hold,
  // which the note lets go. Beyond kMostNotes under way it is dropped: they may be a flood.
  void note(v1::ActivityRecord record, bool unanswered = false);
  // Settlements and records on their way.
  std::size_t pending() const { return pending_; }
  // Waits until none is pending, at most `limit`; not more than two seconds from when `haste` was stopped. True when
  // none is.
  Awaitable<bool> settled(std::chrono::milliseconds limit, std::stop_token haste = {});

 private:
  static constexpr std::size_t kMostNotes = 1024;

  Awaitable<void> deliver(v1::SettleRequest request);
  Awaitable<void> deliver_note(v1::ActivityRecord record, int most_attempts);

  asio::io_context& context_;
  Ledger& ledger_;
  Metrics* const metrics_;
  std::size_t pending_ = 0;
  // Of those.
  std::size_t notes_ = 0;
};

}  // namespace tollgate::router
