// Percentiles over the last 5 min: one logarithmic histogram for each half minute, a fixed size, exact to 4 %.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "services/router/health/rolling_counts.h"

namespace tollgate::router {

// Not for several threads at once.
class RollingPercentiles {
 public:
  static constexpr std::chrono::seconds kSpan{300};
  // What fewer values say is chance.
  static constexpr std::uint64_t kFewest = 5;

  // 0.1 to 600,000; what lies outside counts as the end of the scale.
  void add(double value, HealthTime now);
  // The value that `percentile` per cent (0 to 100) of them stayed at or below; unset when there are fewer than
  // kFewest.
  std::optional<double> at(double percentile, HealthTime now) const;

 private:
  static constexpr std::chrono::seconds kSlot{30};
  static constexpr std::size_t kBins = 204;
  using Bins = std::array<std::uint16_t, kBins>;
  struct Slot {
    std::int64_t number = INT64_MIN;
    Bins bins{};
  };

  std::array<Slot, kSpan / kSlot> slots_;
};

}  // namespace tollgate::router
