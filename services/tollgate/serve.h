// All of Tollgate in one process: the same classes as in the suite, one step apart.
#pragma once

#include "absl/status/status.h"
#include "services/common/config/config.h"

namespace tollgate {

// Serves until SIGINT or SIGTERM, then drains. Returns when everything has ended.
absl::Status serve_all(const Config& config);

}  // namespace tollgate
