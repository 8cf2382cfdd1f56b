// Activity in memory, for tests of the edge.
#pragma once

#include <atomic>
#include <mutex>
#include <vector>

#include "services/common/api/activity.h"

namespace tollgate {

// Any thread. Knows the records that were added, and how to filter them by key.
class FakeActivity final : public Activity {
 public:
  Awaitable<absl::StatusOr<v1::ActivityReply>> query(const v1::ActivityQuery& request) override;
  Awaitable<absl::StatusOr<v1::RecordsReply>> records(const v1::RecordsQuery& request) override;
  Awaitable<absl::StatusOr<v1::SessionsReply>> sessions(const v1::SessionsQuery& request) override;
  Awaitable<absl::StatusOr<v1::ActivityRecord>> generation(const v1::GenerationQuery& request) override;
  // With `follow` it looks for new ones every millisecond.
  Awaitable<absl::Status> export_records(const v1::ExportQuery& request, RecordSink& sink) override;

  void add(v1::ActivityRecord record);
  // Every call fails so from now on; an export behind this many records.
  void fail(absl::Status status, std::size_t behind = 0);
  // Exports write each record so many times.
  void repeat(int times) { times_ = times; }

  v1::ActivityFilter last_filter() const;
  std::size_t written() const { return written_; }
  int exports() const { return exports_; }
  // Exports that have ended, one way or another.
  int ended() const { return ended_; }

 private:
  std::vector<v1::ActivityRecord> matching(const v1::ActivityFilter& filter);
  absl::Status status() const;

  mutable std::mutex mutex_;
  std::vector<v1::ActivityRecord> records_;
  v1::ActivityFilter last_filter_;
  absl::Status status_;
  std::size_t behind_ = 0;
  std::atomic<int> times_{1};
  std::atomic<std::size_t> written_{0};
  std::atomic<int> exports_{0};
  std::atomic<int> ended_{0};
};

}  // namespace tollgate
