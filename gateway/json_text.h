// How the edge writes JSON.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace tollgate {

// Members in the order in which they were set.
using Json = nlohmann::ordered_json;

// On one line; what is not UTF-8 is replaced.
std::string dump(const Json& json);

// 2026-11-25T00:00:00Z
std::string iso_time(std::int64_t unix_seconds);

}  // namespace tollgate
