// What the edge counts of requests, by route and never by path.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "gateway/routes.h"
#include "services/common/telemetry/telemetry.h"

namespace tollgate {

// One for each shard; used on its thread only.
class EdgeMetrics {
 public:
  explicit EdgeMetrics(Telemetry& telemetry);

  // A request is over; `status` 0: nothing was answered.
  void ended(Resource resource, unsigned status, std::uint64_t bytes, std::chrono::duration<double> time);
  // Requests under way, and event streams that are being written.
  Gauge& in_flight(Resource resource) { return *series_of(resource).in_flight; }
  Gauge& streams() { return streams_; }

 private:
  static constexpr std::size_t kMostRoutes = 64;
  // Known ones, and all others.
  static constexpr std::size_t kCodes = 22;
  struct Series {
    // Null until they are needed first.
    Gauge* in_flight = nullptr;
    Histogram* time = nullptr;
    std::array<Counter*, kCodes> requests{};
  };

  Series& series_of(Resource resource);

  CounterFamily& requests_;
  GaugeFamily& in_flight_;
  HistogramFamily& time_;
  Counter& bytes_;
  Gauge& streams_;
  std::array<Series, kMostRoutes> series_;
};

// Why a connection was closed before it was served.
enum class Closed { kTooMany, kTooManyOfAddress, kProxyHeader };
// Why a request was refused although nothing is wrong with it.
enum class Shed { kTooManyOfAddress, kFailedKeys, kMemory };

// Of the process: open connections of clients, those that were closed, requests that were refused.
Gauge& open_connections();
Counter& refused_connections(Closed reason);
Counter& shed_requests(Shed reason);

}  // namespace tollgate
