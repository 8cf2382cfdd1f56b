// What the configuration says of the upstreams that their health is about.
#pragma once

#include <map>
#include <string>

#include "services/common/config/config.h"
#include "services/router/health/health.h"

namespace tollgate::router {

std::map<std::string, UpstreamBounds> upstream_bounds(const Config& config);

}  // namespace tollgate::router
