// What keys and workspaces have in common, as JSON: limits, spend, hold mode.
//
//   "limits": [{"limit": 5, "limit_reset": "daily", "spent": 1.5, "remaining": 3.5, "resets_at": "..."}, ...]
//
// OpenRouter's clients know one limit: `limit`, `limit_remaining` and `limit_reset` show the one that has the least
// left.
#pragma once

#include "gateway/json_text.h"
#include "tollgate/v1/limits.pb.h"

namespace tollgate {

using LimitStates = google::protobuf::RepeatedPtrField<v1::LimitState>;

// "daily", "weekly", "monthly"; null for a limit that never resets.
const char* reset_name(v1::Reset reset);

// The one that stops first; null without limits.
const v1::LimitState* tightest(const LimitStates& limits);

void append_tightest(const LimitStates& limits, Json& json);
void append_limits(const LimitStates& limits, Json& json);
void append_usage(const v1::Spend& spend, Json& json);
Json hold_mode_json(v1::HoldMode mode);

// 2026-11-25T00:00:00Z; null for 0.
Json time_json(std::int64_t unix_ms);

}  // namespace tollgate
