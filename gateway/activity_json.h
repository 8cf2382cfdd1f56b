// Activity as JSON: names as in protos/tollgate/v1/activity.proto, amounts in USD, times RFC 3339 with milliseconds. A
// text that is not known is empty, a number that is not known null. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gateway/json_text.h"
#include "tollgate/v1/activity.pb.h"

namespace tollgate {

// 2026-11-24T10:00:00.250Z
std::string iso_time_ms(std::int64_t unix_ms);

// Of one request, while it answered: output tokens a second after the first; nothing to say of answers that came whole.
std::optional<double> output_tokens_per_second(const v1::ActivityRecord& record);

// reported, drained, estimated, lease_expired; empty when unknown.
std::string_view name_of(v1::UsageSource source);

Json record_object(const v1::ActivityRecord& record);
// Sums with averages of the times, in place of their sums.
Json sums_object(const v1::ActivitySums& sums);
// `by` as in the query that was asked.
Json group_object(const v1::ActivityQuery& query, const v1::ActivityGroup& group);

// {"data":...}
std::string record_json(const v1::ActivityRecord& record);
std::string records_json(const v1::RecordsReply& reply);
std::string activity_json(const v1::ActivityQuery& query, const v1::ActivityReply& reply);
std::string sessions_json(const v1::SessionsReply& reply);

}  // namespace tollgate
