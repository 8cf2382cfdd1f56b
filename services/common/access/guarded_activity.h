// Activity as callers from outside may see it: each call shows a key (`api_key`). A management key sees everything, any
// other one what was asked with it, whatever the filter says.
#pragma once

#include "services/common/api/activity.h"
#include "services/common/api/keys.h"

namespace tollgate {

// How often the key of an export that goes on is looked at again: one that was disabled sees no more after this.
inline constexpr std::chrono::seconds kExportRecheck(5);

// Makes of a filter what `caller` may ask for.
void restrict_to(const v1::Key& caller, v1::ActivityFilter& filter);
bool may_see(const v1::Key& caller, const v1::ActivityRecord& record);

// What GetGeneration says of a record that is not there, and of one that the caller may not see.
absl::Status no_such_generation(const std::string& generation_id);

// The activity that `caller`, who has been authenticated, may see. `keys` and `activity` outlive it.
class CallersActivity : public Activity {
 public:
  CallersActivity(Activity& activity, Keys& keys, v1::Key caller)
      : activity_(activity), keys_(keys), caller_(std::move(caller)) {}
  Awaitable<absl::StatusOr<v1::ActivityReply>> query(const v1::ActivityQuery& request) override;
  Awaitable<absl::StatusOr<v1::RecordsReply>> records(const v1::RecordsQuery& request) override;
  Awaitable<absl::StatusOr<v1::SessionsReply>> sessions(const v1::SessionsQuery& request) override;
  Awaitable<absl::StatusOr<v1::ActivityRecord>> generation(const v1::GenerationQuery& request) override;
  Awaitable<absl::Status> export_records(const v1::ExportQuery& request, RecordSink& sink) override;

 private:
  Activity& activity_;
  Keys& keys_;
  const v1::Key caller_;
};

// `activity` and `keys` outlive it.
class GuardedActivity : public Activity {
 public:
  GuardedActivity(Activity& activity, Keys& keys) : activity_(activity), keys_(keys) {}
  Awaitable<absl::StatusOr<v1::ActivityReply>> query(const v1::ActivityQuery& request) override;
  Awaitable<absl::StatusOr<v1::RecordsReply>> records(const v1::RecordsQuery& request) override;
  Awaitable<absl::StatusOr<v1::SessionsReply>> sessions(const v1::SessionsQuery& request) override;
  Awaitable<absl::StatusOr<v1::ActivityRecord>> generation(const v1::GenerationQuery& request) override;
  Awaitable<absl::Status> export_records(const v1::ExportQuery& request, RecordSink& sink) override;

 private:
  Activity& activity_;
  Keys& keys_;
};

}  // namespace tollgate
