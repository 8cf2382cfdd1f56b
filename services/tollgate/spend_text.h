// Limits and spend for people: what `show` and `list` of keys and workspaces print alike.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/limits_json.h"
#include "tollgate/v1/limits.pb.h"

namespace tollgate {

// "hash       0a1b..."
void print_row(std::string_view name, const std::string& value);
void print_limits(const LimitStates& limits);
void print_spend(const v1::Spend& spend);

// All on one line: "$3.5 of $5 daily, $90 of $100"; what is left comes first.
std::string limits_text(const LimitStates& limits);
// $12.5
std::string usd_text(std::int64_t nano_usd);
// 2026-11-25T00:00:00Z
std::string time_text(std::int64_t unix_ms);

}  // namespace tollgate
