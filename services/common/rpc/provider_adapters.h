// The adapters of a suite: one for all upstreams, or some upstreams with an adapter of their own.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "services/common/api/provider_adapter.h"
#include "services/common/rpc/channel.h"

namespace tollgate {

// A ProviderAdapter that sends each request to the adapter of its upstream: services.adapters, else services.adapter.
// INVALID_ARGUMENT when an upstream has neither. Any thread may call; rules: client.h.
absl::StatusOr<std::unique_ptr<ProviderAdapter>> make_provider_adapter(const Config& config,
                                                                       const ChannelOptions& channel);

}  // namespace tollgate
