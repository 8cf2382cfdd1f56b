// Activity as CSV (RFC 4180, a header line first). What clients name themselves comes from anybody: a text that a
// spreadsheet would take for a formula is marked as a text. Pure.
#pragma once

#include <string>
#include <string_view>

#include "tollgate/v1/activity.pb.h"

namespace tollgate {

// A field, quoted where it must be.
void append_csv_field(std::string_view text, std::string& out);

// With line ends.
std::string_view record_csv_header();
void append_record_csv(const v1::ActivityRecord& record, std::string& out);

// Of sums: `at` where there is an interval, a column for each dimension, the sums; what the limit left out is
// in the last line.
std::string activity_csv(const v1::ActivityQuery& query, const v1::ActivityReply& reply);

}  // namespace tollgate
