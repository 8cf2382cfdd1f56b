#include "services/common/telemetry/histogram.h"

#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>

#include <limits>
#include <utility>

namespace tollgate {

const Buckets& model_buckets() {
  static const Buckets buckets = {0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600};
  return buckets;
}

const Buckets& call_buckets() {
  static const Buckets buckets = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                  0.05,   0.1,     0.25,   0.5,   1,      2.5,   5};
  return buckets;
}

Histogram::Histogram(const Buckets& bounds)
    : bounds_(bounds), counts_(std::make_unique<std::atomic<std::uint64_t>[]>(bounds.size() + 1)) {}

Histogram& HistogramFamily::with(const prometheus::Labels& labels) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<Histogram>& histogram = all_[labels];
  if (!histogram)
    histogram = std::make_unique<Histogram>(bounds_);
  return *histogram;
}

std::vector<prometheus::MetricFamily> HistogramFamily::Collect() const {
  prometheus::MetricFamily family{name_, help_, prometheus::MetricType::Histogram, {}};
  const std::lock_guard lock(mutex_);
  for (const auto& [labels, histogram] : all_) {
    prometheus::ClientMetric& metric = family.metric.emplace_back();
    for (const auto& [name, value] : labels)
      metric.label.push_back({name, value});
    std::uint64_t count = 0;
    for (std::size_t i = 0; i <= bounds_.size(); ++i) {
      count += histogram->counts_[i].load(std::memory_order_relaxed);
      const double bound = i < bounds_.size() ? bounds_[i] : std::numeric_limits<double>::infinity();
      metric.histogram.bucket.push_back({count, bound});
    }
    metric.histogram.sample_count = count;
    metric.histogram.sample_sum = histogram->sum_.load(std::memory_order_relaxed);
  }
  return {family};
}

}  // namespace tollgate
