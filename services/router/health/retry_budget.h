// How many attempts beyond a request's first one there may be: an outage must not multiply the load.
#pragma once

#include "services/router/health/rolling_counts.h"

namespace tollgate::router {

// Not for several threads at once.
class RetryBudget {
 public:
  // In 30 s: this many, and one for every five requests.
  static constexpr std::uint64_t kFloor = 10;
  static constexpr std::uint64_t kRequestsForOne = 5;

  void request(HealthTime now) { counts_.add(kRequest, now); }
  // Takes one if there is one.
  bool retry(HealthTime now) {
    const auto sums = counts_.sums(now);
    if (sums[kRetry] >= kFloor + sums[kRequest] / kRequestsForOne)
      return false;
    counts_.add(kRetry, now);
    return true;
  }

 private:
  enum : std::size_t { kRequest, kRetry };
  RollingCounts<2> counts_;
};

}  // namespace tollgate::router
