// GET /metrics, for Prometheus. A thread of its own: a scrape holds up no request, and a process whose shards are busy
// still tells so.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "services/common/telemetry/telemetry.h"

namespace tollgate {

// Serves from start() until it is destroyed. Nobody is asked for a key: the address is for the monitoring alone.
class MetricsListener {
 public:
  // `address`: host:port; port 0: one that is free. UNAVAILABLE when it cannot be had. `telemetry` outlives it.
  static absl::StatusOr<std::unique_ptr<MetricsListener>> start(const std::string& address, const Telemetry& telemetry);
  ~MetricsListener();
  MetricsListener(const MetricsListener&) = delete;
  MetricsListener& operator=(const MetricsListener&) = delete;

  std::uint16_t port() const;

 private:
  struct State;
  explicit MetricsListener(std::unique_ptr<State> state);
  const std::unique_ptr<State> state_;
};

}  // namespace tollgate
