// What selection leans on beside the request and the catalog.
#pragma once

#include <memory>
#include <random>

#include "services/router/endpoint_health.h"
#include "services/router/ordering.h"
#include "services/router/sticky_sessions.h"

namespace tollgate::router {

inline Random seeded_random() {
  return [engine = std::mt19937_64(std::random_device()())]() mutable {
    return std::generate_canonical<double, 53>(engine);
  };
}

struct SelectionParts {
  // What the order goes by; null: what the router itself has seen.
  std::shared_ptr<const EndpointHealth> health = nullptr;
  // May be shared by all shards.
  std::shared_ptr<StickySessions> sticky = std::make_shared<StickySessions>();
  // Of this shard alone.
  Random random = seeded_random();
};

}  // namespace tollgate::router
