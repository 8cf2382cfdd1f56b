#include "services/common/rpc/calls.h"

namespace tollgate {

Calls::~Calls() {
  std::unique_lock lock(mutex_);
  for (Call& call : list_)
    call.abandon();
  none_.wait(lock, [this] { return outstanding_ == 0; });
}

void Calls::enter(Call& call) {
  const std::lock_guard lock(mutex_);
  list_.push_back(call);
  ++outstanding_;
}

void Calls::leave(Call& call) {
  const std::lock_guard lock(mutex_);
  list_.erase(list_.iterator_to(call));
}

void Calls::posted() {
  const std::lock_guard lock(mutex_);
  // Notified under the lock: without it the destructor could be over before the call.
  if (--outstanding_ == 0)
    none_.notify_all();
}

}  // namespace tollgate
