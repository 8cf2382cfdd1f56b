#include "gateway/activity_api.h"

#include "gateway/activity_csv.h"
#include "gateway/activity_json.h"
#include "gateway/activity_params.h"
#include "gateway/analytics.h"
#include "gateway/openrouter_activity.h"
#include "gateway/provider_health.h"
#include "services/common/base/errors.h"

namespace tollgate {
namespace {

using Result = absl::StatusOr<Answer>;

// The health of providers is that of their last requests: as many as these.
constexpr std::uint32_t kHealthPage = 1000;
constexpr int kHealthPages = 5;

Awaitable<Result> query(Activity& activity, const ActivityRequest& request) {
  const absl::StatusOr<QueryRequest> asked = read_activity_query(request.target, request.now_ms);
  if (!asked.ok())
    co_return asked.status();
  const absl::StatusOr<v1::ActivityReply> reply = co_await activity.query(asked->query);
  if (!reply.ok())
    co_return reply.status();
  if (!asked->csv)
    co_return json_answer(activity_json(asked->query, *reply));
  Answer answer;
  answer.headers = "content-type: text/csv; charset=utf-8\r\n";
  answer.body = activity_csv(asked->query, *reply);
  co_return answer;
}

Awaitable<Result> records(Activity& activity, const ActivityRequest& request) {
  const absl::StatusOr<v1::RecordsQuery> asked = read_records_query(request.target, request.now_ms);
  if (!asked.ok())
    co_return asked.status();
  const absl::StatusOr<v1::RecordsReply> reply = co_await activity.records(*asked);
  co_return reply.ok() ? Result(json_answer(records_json(*reply))) : reply.status();
}

Awaitable<Result> sessions(Activity& activity, const ActivityRequest& request) {
  const absl::StatusOr<v1::SessionsQuery> asked = read_sessions_query(request.target, request.now_ms);
  if (!asked.ok())
    co_return asked.status();
  const absl::StatusOr<v1::SessionsReply> reply = co_await activity.sessions(*asked);
  co_return reply.ok() ? Result(json_answer(sessions_json(*reply))) : reply.status();
}

Awaitable<Result> record(Activity& activity, const ActivityRequest& request) {
  v1::GenerationQuery asked;
  asked.set_generation_id(request.id);
  const absl::StatusOr<v1::ActivityRecord> found = co_await activity.generation(asked);
  co_return found.ok() ? Result(json_answer(record_json(*found))) : found.status();
}

Awaitable<Result> health(Activity& activity, const ActivityRequest& request) {
  const absl::StatusOr<v1::ActivityFilter> shown = read_health(request.target, request.now_ms);
  if (!shown.ok())
    co_return shown.status();
  ProviderHealth endpoints(request.now_ms);
  std::int64_t since_ms = shown->since_ms();
  v1::RecordsQuery asked;
  // Not those alone that the filter names: a record stands for the endpoint that served in the end, and what was tried
  // before is what matters here.
  asked.mutable_filter()->set_since_ms(since_ms);
  asked.set_limit(kHealthPage);
  int pages = 0;
  do {
    const absl::StatusOr<v1::RecordsReply> reply = co_await activity.records(asked);
    if (!reply.ok())
      co_return reply.status();
    for (const v1::ActivityRecord& record : reply->records()) {
      endpoints.add(record);
      since_ms = record.created_ms();
    }
    asked.set_cursor(reply->cursor());
  } while (!asked.cursor().empty() && ++pages < kHealthPages);
  const bool sampled = !asked.cursor().empty();
  if (!sampled)
    since_ms = shown->since_ms();
  co_return json_answer(endpoints.json(*shown, since_ms, sampled));
}

Awaitable<Result> openrouter_activity(Activity& activity, const ActivityRequest& request) {
  const absl::StatusOr<v1::ActivityQuery> asked = read_openrouter_activity(request.target, request.now_ms);
  if (!asked.ok())
    co_return asked.status();
  const absl::StatusOr<v1::ActivityReply> reply = co_await activity.query(*asked);
  co_return reply.ok() ? Result(json_answer(openrouter_activity_json(*asked, *reply))) : reply.status();
}

Awaitable<Result> generation(Activity& activity, const ActivityRequest& request) {
  const absl::StatusOr<v1::GenerationQuery> asked = read_generation(request.target);
  if (!asked.ok())
    co_return asked.status();
  const absl::StatusOr<v1::ActivityRecord> found = co_await activity.generation(*asked);
  co_return found.ok() ? Result(json_answer(generation_json(*found))) : found.status();
}

Awaitable<Result> analytics(Activity& activity, const ActivityRequest& request) {
  const absl::StatusOr<AnalyticsQuery> asked = read_analytics(request.body, request.now_ms);
  if (!asked.ok())
    co_return asked.status();
  const SteadyClock::time_point began = SteadyClock::now();
  const absl::StatusOr<v1::ActivityReply> reply = co_await activity.query(asked->activity);
  if (!reply.ok())
    co_return reply.status();
  const std::chrono::duration<double, std::milli> time = SteadyClock::now() - began;
  co_return json_answer(analytics_json(*asked, *reply, time.count()));
}

Awaitable<Result> analytics_meta() {
  co_return json_answer(analytics_meta_json());
}

}  // namespace

Awaitable<absl::StatusOr<Answer>> answer_activity(Activity& activity, const ActivityRequest& request) {
  switch (request.resource) {
    case Resource::kActivityQuery:
      return query(activity, request);
    case Resource::kActivityRecords:
      return records(activity, request);
    case Resource::kActivityRecord:
      return record(activity, request);
    case Resource::kActivitySessions:
      return sessions(activity, request);
    case Resource::kActivityHealth:
      return health(activity, request);
    case Resource::kActivity:
      return openrouter_activity(activity, request);
    case Resource::kGeneration:
      return generation(activity, request);
    case Resource::kAnalyticsQuery:
      return analytics(activity, request);
    default:
      return analytics_meta();
  }
}

}  // namespace tollgate
