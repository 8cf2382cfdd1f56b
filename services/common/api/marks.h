// The Marks contract (protos/tollgate/v1/health.proto) as a C++ interface. Rules as for Messages.
#pragma once

#include "absl/status/statusor.h"
#include "services/common/async.h"
#include "tollgate/v1/health.pb.h"

namespace tollgate {

struct Marks {
  virtual ~Marks() = default;
  virtual Awaitable<absl::StatusOr<v1::ReportMarksReply>> report(const v1::ReportMarksRequest& request) = 0;
  virtual Awaitable<absl::StatusOr<v1::ReadMarksReply>> read(const v1::ReadMarksRequest& request) = 0;
};

}  // namespace tollgate
