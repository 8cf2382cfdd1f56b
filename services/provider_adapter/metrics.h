// An upstream whose requests are counted and timed.
#pragma once

#include <memory>
#include <string>

#include "services/common/api/provider_adapter.h"

namespace tollgate {

// `name`: as it is configured.
std::unique_ptr<ProviderAdapter> metered(const std::string& name, std::unique_ptr<ProviderAdapter> upstream);

}  // namespace tollgate
