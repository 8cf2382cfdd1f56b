// OpenRouter's analytics: sums of any metrics by any dimensions. Pure.
// Source: https://openrouter.ai/docs/api-reference/analytics
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tollgate/v1/activity.pb.h"

namespace tollgate {

// GET /analytics/meta: what a query may name.
std::string analytics_meta_json();

// POST /analytics/query.
struct AnalyticsQuery {
  v1::ActivityQuery activity;
  // Indexes into the known metrics.
  std::vector<std::size_t> metrics;
  // The column to order by, "date" included; empty: by time, then by cost.
  std::string order_by;
  bool descending = false;
  std::size_t limit = 1000;
  // Rows of one combination of dimensions; 0: any number.
  std::size_t group_limit = 0;
};

// INVALID_REQUEST names the member that is wrong or unknown.
absl::StatusOr<AnalyticsQuery> read_analytics(std::string_view body, std::int64_t now_ms);
std::string analytics_json(const AnalyticsQuery& query, const v1::ActivityReply& reply, double query_time_ms);

}  // namespace tollgate
