#include "services/common/runtime/deadlines.h"

namespace tollgate {

Deadlines::Deadlines(asio::io_context& context, std::chrono::milliseconds tick) : timer_(context), tick_(tick) {}

void Deadlines::arm() {
  if (armed_ || list_.empty())
    return;
  armed_ = true;
  timer_.expires_after(tick_);
  timer_.async_wait([this](error_code error) {
    if (error)
      return;
    armed_ = false;
    sweep();
    arm();
  });
}

void Deadlines::sweep() {
  const auto now = SteadyClock::now();
  // A callback may destroy any deadline, its own included: each is found afresh.
  for (bool again = true; again;) {
    again = false;
    for (Deadline& deadline : list_) {
      if (deadline.expiry_ > now)
        continue;
      deadline.clear();
      deadline.expired_ = true;
      const std::function<void()> callback = deadline.on_expiry_;
      callback();
      again = true;
      break;
    }
  }
}

void Deadline::expires_after(std::chrono::milliseconds time) {
  expired_ = false;
  expiry_ = SteadyClock::now() + time;
  if (!is_linked())
    deadlines_.list_.push_back(*this);
  deadlines_.arm();
}

}  // namespace tollgate
