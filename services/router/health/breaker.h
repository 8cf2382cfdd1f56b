// Keeps requests from a host that cannot be reached: after some failures to connect in a row none goes there for a
// pause, then one at a time that finds out.
#pragma once

#include <chrono>
#include <cstdint>

#include "services/router/health/rolling_counts.h"

namespace tollgate::router {

// Not for several threads at once.
class Breaker {
 public:
  // Failures to connect in a row that open it.
  static constexpr int kFailures = 5;
  // Doubles with each probe that fails.
  static constexpr std::chrono::milliseconds kFirstPause{1000};
  static constexpr std::chrono::milliseconds kLongestPause{15000};

  // `patience`: a probe that has not failed by then has its connection, though no answer yet.
  explicit Breaker(std::chrono::milliseconds patience) : patience_(patience) {}

  struct Pass {
    bool granted = false;
    // Not 0: the request is the probe of this number.
    std::uint64_t probe = 0;
  };
  // May a request go there?
  Pass ask(HealthTime now);
  // It would refuse just now.
  bool refuses(HealthTime now) const;
  // Until the next probe may go; 0 while it is closed.
  std::chrono::milliseconds pause(HealthTime now) const;

  // What became of a request: the host was reached; it was not (`jitter`: 0 to 1, random, so that replicas do not probe
  // in step); or nobody knows, its client having left.
  void reached(std::uint64_t probe);
  void failed(std::uint64_t probe, HealthTime now, double jitter);
  void abandoned(std::uint64_t probe);

 private:
  void open(HealthTime now, double jitter);
  bool probe_stands(HealthTime now) const { return probing_ && now - probe_began_ >= patience_; }

  const std::chrono::milliseconds patience_;
  int failures_ = 0;
  bool open_ = false;
  std::chrono::milliseconds pause_ = kFirstPause;
  HealthTime open_until_;
  bool probing_ = false;
  std::uint64_t probe_ = 0;
  HealthTime probe_began_;
};

}  // namespace tollgate::router
