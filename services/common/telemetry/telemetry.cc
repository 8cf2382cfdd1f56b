#include "services/common/telemetry/telemetry.h"

#include <prometheus/text_serializer.h>

#include <iterator>
#include <sstream>

namespace tollgate {
namespace {

void append(std::vector<prometheus::MetricFamily> families, std::vector<prometheus::MetricFamily>& all) {
  all.insert(all.end(), std::make_move_iterator(families.begin()), std::make_move_iterator(families.end()));
}

}  // namespace

Telemetry::Registration::~Registration() {
  if (owner_ == nullptr)
    return;
  const std::lock_guard lock(owner_->mutex_);
  owner_->sources_.erase(place_);
}

CounterFamily& Telemetry::counters(const std::string& name, const std::string& help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry_);
}

GaugeFamily& Telemetry::gauges(const std::string& name, const std::string& help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry_);
}

HistogramFamily& Telemetry::histograms(const std::string& name, const std::string& help, const Buckets& bounds) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<HistogramFamily>& family = histograms_[name];
  if (!family)
    family = std::make_unique<HistogramFamily>(name, help, bounds);
  return *family;
}

Telemetry::Registration Telemetry::add(Source source) {
  const std::lock_guard lock(mutex_);
  return {this, sources_.insert(sources_.end(), std::move(source))};
}

std::string Telemetry::text() const {
  std::vector<prometheus::MetricFamily> all = registry_.Collect();
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, family] : histograms_)
      append(family->Collect(), all);
    for (const Source& source : sources_)
      append(source(), all);
  }
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, all);
  return std::move(out).str();
}

Telemetry& telemetry() {
  // Never destroyed: threads may count until the process is gone.
  static Telemetry* const process = new Telemetry();
  return *process;
}

}  // namespace tollgate
