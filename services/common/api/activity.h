// The Activity contract (protos/tollgate/v1/activity.proto) as a C++ interface. Rules as for Messages.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/common/async.h"
#include "tollgate/v1/activity.pb.h"

namespace tollgate {

// Where exported records go: as FrameSink, awaiting a write is the backpressure, and a non-OK status means stop.
struct RecordSink {
  virtual ~RecordSink() = default;
  virtual Awaitable<absl::Status> write(v1::ActivityRecord record) = 0;
};

struct Activity {
  virtual ~Activity() = default;
  virtual Awaitable<absl::StatusOr<v1::ActivityReply>> query(const v1::ActivityQuery& request) = 0;
  virtual Awaitable<absl::StatusOr<v1::RecordsReply>> records(const v1::RecordsQuery& request) = 0;
  virtual Awaitable<absl::StatusOr<v1::SessionsReply>> sessions(const v1::SessionsQuery& request) = 0;
  virtual Awaitable<absl::StatusOr<v1::ActivityRecord>> generation(const v1::GenerationQuery& request) = 0;
  // `request` and `sink` outlive the call, which ends with the records; with `follow` it ends by an error or by being
  // cancelled alone.
  virtual Awaitable<absl::Status> export_records(const v1::ExportQuery& request, RecordSink& sink) = 0;
};

}  // namespace tollgate
