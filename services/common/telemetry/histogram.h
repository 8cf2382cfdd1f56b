// Histograms that are cheap to add to. The library's own takes a lock for each value.
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/labels.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace tollgate {

using Buckets = std::vector<double>;

// Of answers of language models, seconds: 0.05 to 600.
const Buckets& model_buckets();
// Of calls within the house, seconds: 0.0001 to 5.
const Buckets& call_buckets();

// Any thread; no lock. A scrape may see a value in a bucket and not yet in the sum.
class Histogram {
 public:
  // Upper bounds, ascending; a value on a bound belongs to it.
  explicit Histogram(const Buckets& bounds);

  void add(double value) {
    std::size_t i = 0;
    while (i < bounds_.size() && value > bounds_[i])
      ++i;
    counts_[i].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(value, std::memory_order_relaxed);
  }

 private:
  friend class HistogramFamily;
  const Buckets bounds_;
  // One more than bounds: what is above them all.
  const std::unique_ptr<std::atomic<std::uint64_t>[]> counts_;
  std::atomic<double> sum_{0};
};

// Histograms of one name.
class HistogramFamily : public prometheus::Collectable {
 public:
  HistogramFamily(std::string name, std::string help, const Buckets& bounds)
      : name_(std::move(name)), help_(std::move(help)), bounds_(bounds) {}

  // The one with these labels, which lives as long as the family. Any thread; takes a lock.
  Histogram& with(const prometheus::Labels& labels);

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const std::string name_;
  const std::string help_;
  const Buckets bounds_;
  mutable std::mutex mutex_;
  std::map<prometheus::Labels, std::unique_ptr<Histogram>> all_;
};

}  // namespace tollgate
