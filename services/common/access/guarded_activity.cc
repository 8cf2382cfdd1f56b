#include "services/common/access/guarded_activity.h"

#include <fmt/format.h>

#include "services/common/access/authenticate.h"
#include "services/common/base/errors.h"

namespace tollgate {
namespace {

// Lets through what the caller may see, for as long as its key may.
class CallersSink final : public RecordSink {
 public:
  CallersSink(const v1::Key& caller, Keys& keys, RecordSink& next) : caller_(caller), keys_(keys), next_(next) {}

  Awaitable<absl::Status> write(v1::ActivityRecord record) override {
    if (SteadyClock::now() >= look_again_) {
      absl::Status refused = co_await authenticate(keys_, caller_.hash());
      // Keys that cannot be read at the moment end no export.
      if (absl::IsUnauthenticated(refused))
        co_return refused;
      look_again_ = SteadyClock::now() + kExportRecheck;
    }
    if (!may_see(caller_, record))
      co_return absl::OkStatus();
    co_return co_await next_.write(std::move(record));
  }

 private:
  const v1::Key& caller_;
  Keys& keys_;
  RecordSink& next_;
  SteadyClock::time_point look_again_ = SteadyClock::now() + kExportRecheck;
};

template <class Reply, class Request>
Awaitable<absl::StatusOr<Reply>> restricted(const v1::Key& caller, Activity& activity,
                                            Awaitable<absl::StatusOr<Reply>> (Activity::*method)(const Request&),
                                            Request request) {
  restrict_to(caller, *request.mutable_filter());
  co_return co_await (activity.*method)(request);
}

// Authenticates by the request's key and goes on with `method` for whose it is.
template <class Reply, class Request>
Awaitable<absl::StatusOr<Reply>> guarded(Activity& activity, Keys& keys,
                                         Awaitable<absl::StatusOr<Reply>> (Activity::*method)(const Request&),
                                         const Request& request) {
  absl::StatusOr<v1::Key> caller = co_await authenticated_key(keys, request.api_key());
  if (!caller.ok())
    co_return caller.status();
  CallersActivity seen(activity, keys, *std::move(caller));
  co_return co_await (seen.*method)(request);
}

}  // namespace

void restrict_to(const v1::Key& caller, v1::ActivityFilter& filter) {
  if (caller.management())
    return;
  filter.clear_keys();
  filter.add_keys(caller.hash());
  filter.clear_workspaces();
  filter.add_workspaces(caller.workspace());
}

bool may_see(const v1::Key& caller, const v1::ActivityRecord& record) {
  return caller.management() || record.key_id() == caller.hash();
}

absl::Status no_such_generation(const std::string& generation_id) {
  return error(v1::Failure::KIND_NOT_FOUND,
               fmt::format("There is no record of a generation \"{}\": it was never asked for, is not over yet, has "
                           "been dropped by now, or was asked with another key.",
                           generation_id));
}

Awaitable<absl::StatusOr<v1::ActivityReply>> CallersActivity::query(const v1::ActivityQuery& request) {
  return restricted(caller_, activity_, &Activity::query, request);
}

Awaitable<absl::StatusOr<v1::RecordsReply>> CallersActivity::records(const v1::RecordsQuery& request) {
  return restricted(caller_, activity_, &Activity::records, request);
}

Awaitable<absl::StatusOr<v1::SessionsReply>> CallersActivity::sessions(const v1::SessionsQuery& request) {
  return restricted(caller_, activity_, &Activity::sessions, request);
}

Awaitable<absl::StatusOr<v1::ActivityRecord>> CallersActivity::generation(const v1::GenerationQuery& request) {
  absl::StatusOr<v1::ActivityRecord> record = co_await activity_.generation(request);
  const bool hidden = record.ok() ? !may_see(caller_, *record) : absl::IsNotFound(record.status());
  if (hidden)
    co_return no_such_generation(request.generation_id());
  co_return record;
}

Awaitable<absl::Status> CallersActivity::export_records(const v1::ExportQuery& request, RecordSink& sink) {
  v1::ExportQuery asked = request;
  restrict_to(caller_, *asked.mutable_filter());
  CallersSink seen(caller_, keys_, sink);
  co_return co_await activity_.export_records(asked, seen);
}

Awaitable<absl::StatusOr<v1::ActivityReply>> GuardedActivity::query(const v1::ActivityQuery& request) {
  return guarded(activity_, keys_, &Activity::query, request);
}

Awaitable<absl::StatusOr<v1::RecordsReply>> GuardedActivity::records(const v1::RecordsQuery& request) {
  return guarded(activity_, keys_, &Activity::records, request);
}

Awaitable<absl::StatusOr<v1::SessionsReply>> GuardedActivity::sessions(const v1::SessionsQuery& request) {
  return guarded(activity_, keys_, &Activity::sessions, request);
}

Awaitable<absl::StatusOr<v1::ActivityRecord>> GuardedActivity::generation(const v1::GenerationQuery& request) {
  return guarded(activity_, keys_, &Activity::generation, request);
}

Awaitable<absl::Status> GuardedActivity::export_records(const v1::ExportQuery& request, RecordSink& sink) {
  absl::StatusOr<v1::Key> caller = co_await authenticated_key(keys_, request.api_key());
  if (!caller.ok())
    co_return caller.status();
  CallersActivity seen(activity_, keys_, *std::move(caller));
  co_return co_await seen.export_records(request, sink);
}

}  // namespace tollgate
