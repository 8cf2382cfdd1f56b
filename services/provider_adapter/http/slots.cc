#include "services/provider_adapter/http/slots.h"

#include <boost/system/system_error.hpp>
#include <utility>

namespace tollgate::upstream {

Slot& Slot::operator=(Slot&& other) noexcept {
  if (this != &other) {
    release();
    owner_ = std::move(other.owner_);
  }
  return *this;
}

void Slot::release() {
  if (auto owner = std::exchange(owner_, nullptr))
    owner->release();
}

void Slots::release() {
  if (waiters_.empty()) {
    ++free_;
    return;
  }
  Waiter* waiter = waiters_.front();
  waiters_.pop_front();
  waiter->slot = Slot(shared_from_this());
  waiter->timer.cancel();
}

Awaitable<Slot> Slots::acquire(std::chrono::milliseconds timeout) {
  if (free_ > 0 && waiters_.empty()) {
    --free_;
    co_return Slot(shared_from_this());
  }
  struct Queued {
    std::list<Waiter*>& list;
    Waiter waiter;
    ~Queued() { list.remove(&waiter); }
  };
  // Kept alive: the list is touched when a cancelled wait unwinds.
  const auto self = shared_from_this();
  Queued queued{waiters_, Waiter{Timer(context_), Slot()}};
  waiters_.push_back(&queued.waiter);
  queued.waiter.timer.expires_after(timeout);
  const auto [ec] = co_await queued.waiter.timer.async_wait(as_tuple);
  if (ec && !queued.waiter.slot)
    throw boost::system::system_error(asio::error::operation_aborted);
  co_return std::move(queued.waiter.slot);
}

}  // namespace tollgate::upstream
