// The middle of a service's main(): what it serves, over gRPC, until it is told to end.
#pragma once

#include <grpcpp/impl/service_type.h>

#include <chrono>
#include <functional>
#include <stop_token>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "services/common/config/config.h"

namespace tollgate {

// What is left to do after the calls have ended: within `time`, or at once when the token is stopped.
using AfterDrain = std::function<void(std::chrono::milliseconds time, const std::stop_token& haste)>;

// Serves `services` on listen.grpc, and their health on listen.health where that is given, until SIGINT or SIGTERM,
// then drains, and at last does what `after` does, if anything. Blocks; the shards run meanwhile and after. UNAVAILABLE
// when the address cannot be had.
absl::Status serve_rpc(const Config& config, std::string_view name, const std::vector<grpc::Service*>& services,
                       const AfterDrain& after = {});

}  // namespace tollgate
