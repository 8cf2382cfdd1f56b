#include "services/common/rpc/call_metrics.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "services/common/telemetry/telemetry.h"

namespace tollgate {
namespace {

// UNAUTHENTICATED is the last of gRPC's codes.
constexpr std::size_t kCodes = 17;

struct Metrics {
  Metrics() {
    CounterFamily& family = telemetry().counters("tollgate_rpc_calls_total", "gRPC calls that were served.");
    for (std::size_t code = 0; code < kCodes; ++code)
      ended[code] = &family.Add({{"code", absl::StatusCodeToString(static_cast<absl::StatusCode>(code))}});
  }

  Gauge& in_flight = telemetry().gauge("tollgate_rpc_calls_in_flight", "gRPC calls that are served just now.");
  std::array<Counter*, kCodes> ended;
};

const Metrics& metrics() {
  static const Metrics process;
  return process;
}

}  // namespace

void show_call_metrics() {
  metrics();
}

void count_call_begin() {
  metrics().in_flight.Increment();
}

void count_call_end(const absl::Status& status) {
  metrics().in_flight.Decrement();
  metrics().ended[std::min(static_cast<std::size_t>(status.raw_code()), kCodes - 1)]->Increment();
}

}  // namespace tollgate
