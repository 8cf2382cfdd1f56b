// The middle of a service's main(): what it serves, over gRPC, until it is told to end.
#pragma once

#include <grpcpp/impl/service_type.h>

#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "services/common/config/config.h"

namespace tollgate {

// Serves `services` on listen.grpc, and their health on listen.health where that is given, until SIGINT or SIGTERM,
// then drains. Blocks; the shards run meanwhile and after. UNAVAILABLE when the address cannot be had.
absl::Status serve_rpc(const Config& config, std::string_view name, const std::vector<grpc::Service*>& services);

}  // namespace tollgate
