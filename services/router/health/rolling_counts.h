// How often things happened in the last 30 s, in buckets of one second: a fixed size, whatever the traffic.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace tollgate::router {

using HealthTime = std::chrono::steady_clock::time_point;

// Counts `kKinds` kinds of things. Not for several threads at once.
template <std::size_t kKinds>
class RollingCounts {
 public:
  static constexpr std::chrono::seconds kSpan{30};
  using Sums = std::array<std::uint64_t, kKinds>;

  void add(std::size_t kind, HealthTime now) {
    const std::int64_t second = second_of(now);
    Bucket& bucket = buckets_[static_cast<std::size_t>(second) % buckets_.size()];
    if (bucket.second != second)
      bucket = {second, {}};
    ++bucket.counts[kind];
  }

  // Of the last 30 s, the running second included.
  Sums sums(HealthTime now) const {
    const std::int64_t second = second_of(now);
    Sums sums{};
    for (const Bucket& bucket : buckets_) {
      if (bucket.second > second - kSpan.count() && bucket.second <= second) {
        for (std::size_t kind = 0; kind < kKinds; ++kind)
          sums[kind] += bucket.counts[kind];
      }
    }
    return sums;
  }

 private:
  struct Bucket {
    std::int64_t second = INT64_MIN;
    std::array<std::uint32_t, kKinds> counts{};
  };

  static std::int64_t second_of(HealthTime now) {
    return std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count();
  }

  std::array<Bucket, kSpan.count()> buckets_;
};

}  // namespace tollgate::router
