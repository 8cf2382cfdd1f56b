// What keys are called, removed ones included.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "services/common/redis/redis.h"

namespace tollgate {

// By hash.
using KeyNames = std::map<std::string, std::string, std::less<>>;

// Of all keys of a workspace.
Awaitable<absl::StatusOr<KeyNames>> key_names(Redis& redis, std::string workspace);

}  // namespace tollgate
