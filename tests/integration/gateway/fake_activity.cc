#include "tests/integration/gateway/fake_activity.h"

#include <algorithm>

#include "services/common/base/errors.h"

namespace tollgate {
namespace {

struct Ended {
  std::atomic<int>& count;
  ~Ended() { ++count; }
};

}  // namespace

Awaitable<absl::StatusOr<v1::ActivityReply>> FakeActivity::query(const v1::ActivityQuery& request) {
  const std::vector<v1::ActivityRecord> found = matching(request.filter());
  const absl::Status failed = status();
  if (!failed.ok())
    co_return failed;
  v1::ActivityReply reply;
  v1::ActivityGroup& group = *reply.add_groups();
  for (int i = 0; i < request.by_size(); ++i)
    group.add_values("value");
  for (const v1::ActivityRecord& record : found) {
    group.mutable_sums()->set_requests(group.sums().requests() + 1);
    group.mutable_sums()->set_cost_nano_usd(group.sums().cost_nano_usd() + record.cost_nano_usd());
  }
  *reply.mutable_total() = group.sums();
  co_return reply;
}

Awaitable<absl::StatusOr<v1::RecordsReply>> FakeActivity::records(const v1::RecordsQuery& request) {
  const std::vector<v1::ActivityRecord> found = matching(request.filter());
  const absl::Status failed = status();
  if (!failed.ok())
    co_return failed;
  v1::RecordsReply reply;
  const std::size_t begin = request.cursor().empty() ? 0 : std::stoul(request.cursor());
  const std::size_t limit = request.limit() == 0 ? 50 : request.limit();
  for (std::size_t i = begin; i < found.size() && i < begin + limit; ++i)
    *reply.add_records() = found[found.size() - 1 - i];
  if (begin + limit < found.size())
    reply.set_cursor(std::to_string(begin + limit));
  co_return reply;
}

Awaitable<absl::StatusOr<v1::SessionsReply>> FakeActivity::sessions(const v1::SessionsQuery& request) {
  v1::SessionsReply reply;
  for (const v1::ActivityRecord& record : matching(request.filter()))
    reply.add_sessions()->set_id(record.session_id());
  const absl::Status failed = status();
  if (!failed.ok())
    co_return failed;
  co_return reply;
}

Awaitable<absl::StatusOr<v1::ActivityRecord>> FakeActivity::generation(const v1::GenerationQuery& request) {
  const absl::Status failed = status();
  if (!failed.ok())
    co_return failed;
  for (const v1::ActivityRecord& record : matching({})) {
    if (record.generation_id() == request.generation_id())
      co_return record;
  }
  co_return error(v1::Failure::KIND_NOT_FOUND, "There is no such generation.");
}

Awaitable<absl::Status> FakeActivity::export_records(const v1::ExportQuery& request, RecordSink& sink) {
  ++exports_;
  const Ended ended{ended_};
  const Executor executor = co_await asio::this_coro::executor;
  std::size_t done = 0;
  while (true) {
    const std::vector<v1::ActivityRecord> found = matching(request.filter());
    for (; done < found.size(); ++done) {
      for (int i = 0; i < times_; ++i) {
        const absl::Status failed = status();
        if (!failed.ok() && done >= behind_)
          co_return failed;
        v1::ActivityRecord record = found[done];
        const absl::Status taken = co_await sink.write(std::move(record));
        if (!taken.ok())
          co_return taken;
        ++written_;
      }
    }
    const absl::Status failed = status();
    if (!request.follow() || !failed.ok())
      co_return failed;
    Timer timer(executor, std::chrono::milliseconds(1));
    co_await timer.async_wait(use_awaitable);
  }
}

void FakeActivity::add(v1::ActivityRecord record) {
  const std::lock_guard lock(mutex_);
  records_.push_back(std::move(record));
}

void FakeActivity::fail(absl::Status status, std::size_t behind) {
  const std::lock_guard lock(mutex_);
  status_ = std::move(status);
  behind_ = behind;
}

v1::ActivityFilter FakeActivity::last_filter() const {
  const std::lock_guard lock(mutex_);
  return last_filter_;
}

absl::Status FakeActivity::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

std::vector<v1::ActivityRecord> FakeActivity::matching(const v1::ActivityFilter& filter) {
  const std::lock_guard lock(mutex_);
  last_filter_ = filter;
  std::vector<v1::ActivityRecord> found;
  for (const v1::ActivityRecord& record : records_) {
    const auto& keys = filter.keys();
    if (keys.empty() || std::find(keys.begin(), keys.end(), record.key_id()) != keys.end())
      found.push_back(record);
  }
  return found;
}

}  // namespace tollgate
