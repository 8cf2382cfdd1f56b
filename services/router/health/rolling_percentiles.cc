#include "services/router/health/rolling_percentiles.h"

#include <algorithm>
#include <cmath>

namespace tollgate::router {
namespace {

constexpr double kLeast = 0.1;
// Each bin's upper end by its lower end.
constexpr double kRatio = 1.08;

template <class Slot>
std::int64_t number_of(HealthTime now, Slot slot) {
  return std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count() / slot.count();
}

}  // namespace

void RollingPercentiles::add(double value, HealthTime now) {
  const std::int64_t number = number_of(now, kSlot);
  Slot& slot = slots_[static_cast<std::size_t>(number) % slots_.size()];
  if (slot.number != number)
    slot = {number, {}};
  // Also what is no number.
  const double scaled = value > kLeast ? std::log(value / kLeast) / std::log(kRatio) : 0;
  std::uint16_t& count = slot.bins[static_cast<std::size_t>(std::min(scaled, kBins - 1.0))];
  if (count < UINT16_MAX)
    ++count;
}

std::optional<double> RollingPercentiles::at(double percentile, HealthTime now) const {
  const std::int64_t number = number_of(now, kSlot);
  std::array<std::uint64_t, kBins> bins{};
  std::uint64_t total = 0;
  for (const Slot& slot : slots_) {
    if (slot.number <= number - static_cast<std::int64_t>(slots_.size()) || slot.number > number)
      continue;
    for (std::size_t i = 0; i < kBins; ++i) {
      bins[i] += slot.bins[i];
      total += slot.bins[i];
    }
  }
  if (total < kFewest)
    return std::nullopt;
  const double share = std::clamp(percentile, 0.0, 100.0) / 100;
  const auto rank =
      std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(total))));
  std::uint64_t seen = 0;
  std::size_t bin = 0;
  while (bin + 1 < kBins && (seen += bins[bin]) < rank)
    ++bin;
  // The middle of the bin.
  return kLeast * std::pow(kRatio, static_cast<double>(bin) + 0.5);
}

}  // namespace tollgate::router
