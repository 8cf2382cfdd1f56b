// The query parameters of the activity endpoints. Strict: what is unknown or wrong is an error that names it, since a
// filter that is silently ignored shows the wrong sums. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tollgate/v1/activity.pb.h"

namespace tollgate {

struct QueryParam {
  std::string name;
  std::string value;
};

// Decoded (a plus is a blank), in their order; a name without a value has an empty one.
std::vector<QueryParam> query_params(std::string_view target);

// 2026-11-24T10:00:00Z (or with another offset), 2026-11-24, Unix ms, or a span before `now_ms`: 90s, 30m, 12h, 7d, 2w.
absl::StatusOr<std::int64_t> parse_time(std::string_view text, std::int64_t now_ms);

// 200, or a class: 4xx.
bool is_status_filter(std::string_view text);

// key, workspace, model, provider, session, status.
absl::StatusOr<v1::Dimension> parse_dimension(std::string_view name);
std::string_view name_of(v1::Dimension dimension);
// All of them, comma-separated, each once.
absl::StatusOr<std::vector<v1::Dimension>> parse_dimensions(std::string_view list);

// hour, day.
absl::StatusOr<v1::Interval> parse_interval(std::string_view name);

// The requests that a target's query describes. INVALID_REQUEST says what is wrong with it.
struct QueryRequest {
  v1::ActivityQuery query;
  // As CSV, by `format`.
  bool csv = false;
};
absl::StatusOr<QueryRequest> read_activity_query(std::string_view target, std::int64_t now_ms);
absl::StatusOr<v1::RecordsQuery> read_records_query(std::string_view target, std::int64_t now_ms);
absl::StatusOr<v1::SessionsQuery> read_sessions_query(std::string_view target, std::int64_t now_ms);

enum class ExportFormat { kCsv, kJson, kNdjson };
struct ExportParams {
  v1::ExportQuery query;
  ExportFormat format = ExportFormat::kCsv;
};
absl::StatusOr<ExportParams> read_export(std::string_view target, std::int64_t now_ms);

// Of the live stream: without `since` from now on.
absl::StatusOr<v1::ExportQuery> read_live(std::string_view target, std::int64_t now_ms);

// Of the health of providers: `model` and `provider`.
absl::StatusOr<v1::ActivityFilter> read_health(std::string_view target, std::int64_t now_ms);

}  // namespace tollgate
