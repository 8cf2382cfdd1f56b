#include "services/router/health/breaker.h"

#include <algorithm>

namespace tollgate::router {

Breaker::Pass Breaker::ask(HealthTime now) {
  if (open_ && probe_stands(now))
    reached(probe_);
  if (!open_)
    return {true, 0};
  if (now < open_until_ || probing_)
    return {};
  probing_ = true;
  probe_began_ = now;
  return {true, ++probe_};
}

bool Breaker::refuses(HealthTime now) const {
  return open_ && (now < open_until_ || probing_) && !probe_stands(now);
}

std::chrono::milliseconds Breaker::pause(HealthTime now) const {
  if (!refuses(now))
    return std::chrono::milliseconds(0);
  const HealthTime until = probing_ ? probe_began_ + patience_ : open_until_;
  return std::chrono::ceil<std::chrono::milliseconds>(until - now);
}

void Breaker::reached(std::uint64_t probe) {
  // A request from before it opened had its connection then.
  if (open_ && (!probing_ || probe != probe_))
    return;
  failures_ = 0;
  open_ = false;
  probing_ = false;
  pause_ = kFirstPause;
}

void Breaker::failed(std::uint64_t probe, HealthTime now, double jitter) {
  if (!open_) {
    if (++failures_ >= kFailures)
      open(now, jitter);
  } else if (probing_ && probe == probe_) {
    pause_ = std::min(2 * pause_, kLongestPause);
    open(now, jitter);
  }
}

void Breaker::abandoned(std::uint64_t probe) {
  if (probing_ && probe == probe_)
    probing_ = false;
}

void Breaker::open(HealthTime now, double jitter) {
  open_ = true;
  probing_ = false;
  // Three to five quarters of the pause.
  open_until_ = now + std::chrono::duration_cast<std::chrono::milliseconds>(pause_ * (0.75 + jitter / 2));
}

}  // namespace tollgate::router
