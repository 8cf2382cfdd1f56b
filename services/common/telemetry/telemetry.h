// The metrics of a process. As with the log there is one for all of it, so that whatever counts something need not be
// told where; what is counted is resolved once, to an object that is added to without a lock.
//
// Labels have few values, and none that a client chooses: models and providers are those of the catalog.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "services/common/telemetry/histogram.h"

namespace tollgate {

using Counter = prometheus::Counter;
using Gauge = prometheus::Gauge;
using CounterFamily = prometheus::Family<Counter>;
using GaugeFamily = prometheus::Family<Gauge>;

// Any thread.
class Telemetry {
 public:
  // What is only known when it is asked for.
  using Source = std::function<std::vector<prometheus::MetricFamily>()>;

  // While it lives its source is asked; after its end the source is not running any more.
  class Registration {
   public:
    Registration() = default;
    Registration(Registration&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)), place_(other.place_) {}
    Registration& operator=(Registration&&) = delete;
    ~Registration();

   private:
    friend class Telemetry;
    Registration(Telemetry* owner, std::list<Source>::iterator place) : owner_(owner), place_(place) {}
    Telemetry* owner_ = nullptr;
    std::list<Source>::iterator place_;
  };

  // The family of that name, made where there is none. Families and what is in them live as long as this.
  CounterFamily& counters(const std::string& name, const std::string& help);
  GaugeFamily& gauges(const std::string& name, const std::string& help);
  HistogramFamily& histograms(const std::string& name, const std::string& help, const Buckets& bounds);
  // The one of a family without labels.
  Counter& counter(const std::string& name, const std::string& help) { return counters(name, help).Add({}); }
  Gauge& gauge(const std::string& name, const std::string& help) { return gauges(name, help).Add({}); }

  // Its families are its own: nobody else has their names. It is called by one thread at a time.
  [[nodiscard]] Registration add(Source source);

  // All of it in Prometheus' text format, version 0.0.4.
  std::string text() const;

 private:
  prometheus::Registry registry_;
  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<HistogramFamily>> histograms_;
  std::list<Source> sources_;
};

// The process'.
Telemetry& telemetry();

// Counts one in a gauge for as long as it lives.
class Counted {
 public:
  explicit Counted(Gauge& gauge, double amount = 1) : gauge_(&gauge), amount_(amount) { gauge.Increment(amount); }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { gauge_->Decrement(amount_); }

 private:
  Gauge* gauge_;
  double amount_;
};

}  // namespace tollgate
