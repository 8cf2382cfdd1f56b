// Activity as OpenRouter's clients ask for it and read it, with members of Tollgate's own beside theirs. Pure.
// Source: https://openrouter.ai/docs/api-reference/analytics/get-user-activity,
// https://openrouter.ai/docs/api-reference/generations/get-generation
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "tollgate/v1/activity.pb.h"

namespace tollgate {

// GET /activity: what served, by day, of the last 30 completed days (UTC) or of one of them. INVALID_REQUEST for what
// is no such day and for what is not kept.
absl::StatusOr<v1::ActivityQuery> read_openrouter_activity(std::string_view target, std::int64_t now_ms);
std::string openrouter_activity_json(const v1::ActivityQuery& query, const v1::ActivityReply& reply);

// GET /generation?id=.
absl::StatusOr<v1::GenerationQuery> read_generation(std::string_view target);
std::string generation_json(const v1::ActivityRecord& record);

}  // namespace tollgate
