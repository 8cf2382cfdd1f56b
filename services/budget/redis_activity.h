// What was asked, read back from Redis (scripts/activity.lua writes it).
#pragma once

#include <string>
#include <vector>

#include "services/budget/activity_match.h"
#include "services/budget/record_walk.h"
#include "services/common/api/activity.h"
#include "services/common/config/config.h"
#include "services/common/redis/redis.h"

namespace tollgate {

class ActivityFold;

// Unix ms.
struct TimeRange {
  std::int64_t since_ms = 0;
  // Exclusive; 0: no end.
  std::int64_t until_ms = 0;

  EntryId first() const { return {static_cast<std::uint64_t>(since_ms), 0}; }
  EntryId last() const {
    return until_ms == 0 ? kLastEntry : EntryId{static_cast<std::uint64_t>(until_ms) - 1, kLastEntry.number};
  }
};

// State is in Redis alone. One for each shard, with the shard's own Redis. Whoever calls may see everything: callers
// from outside come through GuardedActivity.
//
// query() adds up the sums of whole days, of hours at the ends and for INTERVAL_HOUR, as long as those are kept; by
// session, or with a filter that sums know nothing of, it reads records, the newest kMostScanned at the most. Hours
// take far longer than days: about as many sums are read as there were requests, a microsecond each. records() looks at
// so many for one page, too. Filtered by session, both look at the time of that session alone. sessions() tells the
// sums of all of a session, whatever part of it lies in the time asked for; filtered by model, provider or status it
// tells those of the requests that fit, of the records that one page may read, and has one page. export_records(): with
// `follow` it looks for new records twice a second. All: KIND_UNAVAILABLE when Redis is away, KIND_INVALID_REQUEST for
// a filter or a cursor that is none.
class RedisActivity : public Activity {
 public:
  // Records that one call may look at: 1.5 us for each that does not fit, 4 us for each that does.
  static constexpr std::size_t kMostScanned = 50'000;

  RedisActivity(Redis& redis, const BudgetConfig& config) : redis_(redis), config_(config.activity) {}

  Awaitable<absl::StatusOr<v1::ActivityReply>> query(const v1::ActivityQuery& request) override;
  Awaitable<absl::StatusOr<v1::RecordsReply>> records(const v1::RecordsQuery& request) override;
  Awaitable<absl::StatusOr<v1::SessionsReply>> sessions(const v1::SessionsQuery& request) override;
  Awaitable<absl::StatusOr<v1::ActivityRecord>> generation(const v1::GenerationQuery& request) override;
  Awaitable<absl::Status> export_records(const v1::ExportQuery& request, RecordSink& sink) override;

 private:
  Awaitable<absl::StatusOr<std::vector<std::string>>> workspaces(const v1::ActivityFilter& filter);
  // The part of `range` that the filter's sessions, where it has any, were active in.
  Awaitable<absl::StatusOr<TimeRange>> time_of_sessions(const v1::ActivityFilter& filter,
                                                        const std::vector<std::string>& workspaces, TimeRange range);
  Awaitable<absl::Status> add_sums(const v1::ActivityQuery& request, std::string workspace, ActivityFold& fold);
  Awaitable<absl::StatusOr<bool>> add_records(const v1::ActivityQuery& request, std::vector<std::string> workspaces,
                                              ActivityFold& fold);
  // Whether records of the time from `since_ms` on have been dropped.
  Awaitable<absl::StatusOr<bool>> trimmed(std::string workspace, std::int64_t since_ms);
  Awaitable<absl::Status> name_keys(v1::ActivityReply& reply, const v1::ActivityQuery& request,
                                    std::vector<std::string> workspaces);
  Awaitable<absl::StatusOr<v1::SessionsReply>> sessions_of_records(const v1::SessionsQuery& request,
                                                                   std::vector<std::string> workspaces);
  Awaitable<absl::StatusOr<std::optional<v1::ActivityRecord>>> find(const std::string& generation_id,
                                                                    std::vector<std::string> workspaces);

  Redis& redis_;
  const ActivityConfig config_;
};

}  // namespace tollgate
