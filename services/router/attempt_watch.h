// Sees an attempt's frames on their way to the client, and what they tell about the upstream.
#pragma once

#include <functional>
#include <optional>

#include "services/common/api/messages.h"
#include "services/router/health/health.h"

namespace tollgate::router {

// What it measures is the upstream: the time for which the client does not take a frame does not count.
class AttemptWatch : public FrameSink {
 public:
  // The attempt begins now. `admission` and `next` outlive it; `clock` is for tests.
  AttemptWatch(Health::Admission& admission, FrameSink& next,
               std::function<HealthTime()> clock = std::chrono::steady_clock::now)
      : admission_(admission), next_(next), clock_(std::move(clock)), began_(clock_()) {}

  Awaitable<absl::Status> write(v1::Frame frame) override;

  // After its last frame, of an event stream: an answer that comes as a whole tells neither.
  Performance performance() const;

 private:
  Health::Admission& admission_;
  FrameSink& next_;
  const std::function<HealthTime()> clock_;
  const HealthTime began_;
  // By the client, so far.
  std::chrono::nanoseconds held_up_{0};
  // As if it had not been.
  std::optional<HealthTime> first_token_;
  HealthTime last_;
  std::int64_t output_tokens_ = 0;
};

}  // namespace tollgate::router
