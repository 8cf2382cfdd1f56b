// Activity for people: tables of a fixed number of columns, as wide as what stands in them. Pure.
#pragma once

#include <string>
#include <vector>

#include "tollgate/v1/activity.pb.h"

namespace tollgate {

// Sums, the total in the last line.
std::string activity_table(const v1::ActivityQuery& query, const v1::ActivityReply& reply);

// Single requests. The header and each line stand alone, so that lines may be printed as they come.
std::string record_header();
std::string record_row(const v1::ActivityRecord& record);

// 950, 12.3k, 4.5M: what a table has room for.
std::string short_count(std::int64_t number);
// $0.0123: cents where they say enough, else two digits that do.
std::string short_usd(std::int64_t nano_usd);

}  // namespace tollgate
