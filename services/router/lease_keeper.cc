#include "services/router/lease_keeper.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "services/common/base/log.h"

namespace tollgate::router {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPause{1000};
// When many are due at once they go out in parts.
constexpr std::size_t kMostUnderWay = 256;
constexpr milliseconds kShortPause{20};

}  // namespace

Lease::Lease(const v1::ReserveRequest& reserved, const v1::ReserveReply& hold)
    : counted_(hold.amount_nano_usd()),
      renewal_(std::max<std::int64_t>(hold.lease_ms() / 3, 1)),
      told_at_(SteadyClock::now()),
      look_at_(told_at_ + std::min(kPause, renewal_)) {
  identity_.set_workspace(hold.workspace());
  identity_.set_generation_id(reserved.generation_id());
  identity_.set_key_hash(reserved.key_hash());
  identity_.set_amount_nano_usd(hold.amount_nano_usd());
}

void LeaseKeeper::add(Lease& lease) {
  leases_.push_back(lease);
  if (!running_) {
    running_ = true;
    asio::co_spawn(context_.get_executor(), run(), asio::detached);
  } else if (lease.look_at_ < next_) {
    timer_.cancel();
  }
}

Awaitable<void> LeaseKeeper::run() {
  while (!leases_.empty()) {
    next_ = look();
    timer_.expires_at(next_);
    co_await timer_.async_wait(as_tuple);
  }
  running_ = false;
}

SteadyClock::time_point LeaseKeeper::look() {
  const auto now = SteadyClock::now();
  auto next = now + kPause;
  for (Lease& lease : leases_) {
    const milliseconds pause = std::min(kPause, lease.renewal_);
    if (lease.look_at_ <= now && under_way_ >= kMostUnderWay) {
      next = std::min(next, now + std::min(kShortPause, pause));
      continue;
    }
    if (lease.look_at_ <= now) {
      const std::int64_t cost = lease.cost();
      if (cost != lease.told_nano_usd_ || now - lease.told_at_ >= lease.renewal_) {
        lease.told_nano_usd_ = cost;
        lease.told_at_ = now;
        v1::CheckpointRequest request = lease.identity_;
        request.set_cost_nano_usd(cost);
        ++under_way_;
        asio::co_spawn(context_.get_executor(), send(std::move(request)), asio::detached);
      }
      lease.look_at_ = std::min(now + pause, lease.told_at_ + lease.renewal_);
    }
    next = std::min(next, lease.look_at_);
  }
  return next;
}

Awaitable<void> LeaseKeeper::send(v1::CheckpointRequest request) {
  const absl::StatusOr<v1::CheckpointReply> reply = co_await ledger_.checkpoint(request);
  --under_way_;
  const auto now = SteadyClock::now();
  if (!reply.ok() && now >= next_warning_) {
    // The ledger is away: the next one tries again.
    next_warning_ = now + kPause;
    Log(spdlog::level::warn, "checkpoint_failed")
        .with("generation_id", request.generation_id())
        .with("error", std::string(reply.status().message()));
  }
}

}  // namespace tollgate::router
