// A record as one JSON object, the same wherever it leaves Tollgate: names as in protos/tollgate/v1/activity.proto,
// amounts in USD, times RFC 3339 with milliseconds. A text that is not known is empty, a number that is not known null.
// Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "tollgate/v1/activity.pb.h"

namespace tollgate {

// 2026-11-24T10:00:00.250Z
std::string iso_time_ms(std::int64_t unix_ms);

// One decimal is more than any clock behind it deserves.
double to_tenths(double value);

// Of one request, while it answered: output tokens a second after the first; nothing to say of answers that came whole.
std::optional<double> output_tokens_per_second(const v1::ActivityRecord& record);

// reported, drained, estimated, lease_expired; empty when unknown.
std::string_view name_of(v1::UsageSource source);

nlohmann::ordered_json record_object(const v1::ActivityRecord& record);

// On one line; what is not UTF-8 is replaced.
std::string record_line(const v1::ActivityRecord& record);

}  // namespace tollgate
