// Limits and spend between the contracts and the records in Redis.
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <string>

#include "absl/status/status.h"
#include "services/budget/reply_reader.h"
#include "tollgate/v1/limits.pb.h"

namespace tollgate {

// KIND_INVALID_REQUEST for an amount out of range, an unknown reset, or two limits of one reset.
absl::Status check_limits(const v1::Limits& limits);
absl::Status check_hold_mode(v1::HoldMode mode);

// The field `limits` of a record: the amounts without reset, daily, weekly and monthly, `-` where there is none; empty
// when there is none at all.
std::string limits_text(const v1::Limits& limits);

// What append_spend (scripts/record.lua) has put into a view.
void read_spend(ReplyReader& view, v1::Spend& spend, google::protobuf::RepeatedPtrField<v1::LimitState>& limits);

}  // namespace tollgate
