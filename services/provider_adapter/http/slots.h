// How many connections may be open: a counting semaphore for coroutines, first come first served.
#pragma once

#include <cstddef>
#include <list>
#include <memory>

#include "services/common/async.h"

namespace tollgate::upstream {

class Slots;

// The right to one connection; given back by the destructor.
class Slot {
 public:
  Slot() = default;
  Slot(Slot&& other) noexcept = default;
  Slot& operator=(Slot&& other) noexcept;
  ~Slot() { release(); }

  explicit operator bool() const { return owner_ != nullptr; }

 private:
  friend class Slots;
  explicit Slot(std::shared_ptr<Slots> owner) : owner_(std::move(owner)) {}
  void release();

  std::shared_ptr<Slots> owner_;
};

// Used on one shard. Always held by a shared_ptr: each slot keeps it alive.
class Slots : public std::enable_shared_from_this<Slots> {
 public:
  Slots(asio::io_context& context, std::size_t count) : context_(context), free_(count) {}

  // An empty slot when none became free in `timeout`. Cancellation: by exception; a slot that was just granted goes on
  // to the next one waiting.
  Awaitable<Slot> acquire(std::chrono::milliseconds timeout);

 private:
  friend class Slot;
  struct Waiter {
    Timer timer;
    Slot slot;
  };
  void release();

  asio::io_context& context_;
  std::size_t free_;
  std::list<Waiter*> waiters_;
};

}  // namespace tollgate::upstream
