// The activity API, for every key; each sees what its Activity shows it.
//
//   GET  /v1/activity/query, /v1/activity/records[/{id}], /v1/activity/sessions, /v1/activity/health
//   GET  /v1/activity/export, /v1/activity/stream              as streams: record_response.h
//   GET  /v1/activity, /v1/generation, /v1/analytics/meta      OpenRouter's
//   POST /v1/analytics/query                                   OpenRouter's
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "gateway/response.h"
#include "gateway/routes.h"
#include "services/common/api/activity.h"

namespace tollgate {

struct ActivityRequest {
  Resource resource = Resource::kUnknown;
  // Of the generation.
  std::string id;
  // With the query.
  std::string target;
  std::string body;
  std::int64_t now_ms = 0;
};

// Answers what is no stream.
Awaitable<absl::StatusOr<Answer>> answer_activity(Activity& activity, const ActivityRequest& request);

}  // namespace tollgate
