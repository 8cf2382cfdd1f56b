// What protects the edge of one process from its clients, beside the limits of a single request.
#pragma once

#include <memory>

#include "gateway/address_slots.h"
#include "gateway/body_memory.h"
#include "gateway/client_address.h"
#include "gateway/failed_keys.h"
#include "services/common/config/config.h"

namespace tollgate {

// Shared by all shards. Any thread.
struct Guards {
  explicit Guards(const Config& config)
      : addresses(config.access),
        slots(std::make_shared<AddressSlots>(config.limits.connections_per_address)),
        failed_keys(config.limits.failed_keys_per_minute),
        bodies(config.limits.in_flight_bytes) {}

  const ClientAddresses addresses;
  // Connections, and requests that come through trusted proxies.
  const std::shared_ptr<AddressSlots> slots;
  FailedKeys failed_keys;
  BodyMemory bodies;
};

}  // namespace tollgate
