// What selection asks about an endpoint as this process, or any other of the suite, has lately seen it.
#pragma once

#include <optional>

#include "tollgate/v1/catalog.pb.h"

namespace tollgate::router {

// Called on any thread, at the moment of a selection: an answer comes from memory, and holds for that moment.
// An endpoint is known by its provider, upstream and upstream_model; one that was never used is healthy.
class EndpointHealth {
 public:
  virtual ~EndpointHealth() = default;

  // It had an outage in the last 30 s: it is tried after all others.
  virtual bool outage(const v1::Endpoint& endpoint) const = 0;
  // Output tokens a second that `percentile` per cent of its last 5 min of requests stayed at or below, 0 to 100; unset
  // when too few are known. 50 is the median; the slow end of the scale is its low percentiles.
  virtual std::optional<double> throughput(const v1::Endpoint& endpoint, double percentile) const = 0;
  // Milliseconds to the first token that `percentile` per cent of them stayed at or below; unset alike. The slow end
  // of the scale is its high percentiles.
  virtual std::optional<double> latency_ms(const v1::Endpoint& endpoint, double percentile) const = 0;
};

// Knows nothing: every endpoint is healthy and unmeasured.
class NoHealth : public EndpointHealth {
 public:
  bool outage(const v1::Endpoint&) const override { return false; }
  std::optional<double> throughput(const v1::Endpoint&, double) const override { return std::nullopt; }
  std::optional<double> latency_ms(const v1::Endpoint&, double) const override { return std::nullopt; }
};

}  // namespace tollgate::router
