// Where records go beside Redis.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "services/common/config/config.h"
#include "tollgate/v1/activity.pb.h"

namespace tollgate {

struct ActivityOutlet {
  virtual ~ActivityOutlet() = default;
  // Any thread; returns at once. Each record comes once, from the process that wrote it: what is lost with that process
  // is in Redis. One that replaces that of an expired lease comes after it, with the same generation id.
  virtual void put(const v1::ActivityRecord& record) = 0;
};

// The one that is configured; null when none is. The error names the file that cannot be opened.
absl::StatusOr<std::shared_ptr<ActivityOutlet>> make_outlet(const ActivityConfig& config);

}  // namespace tollgate
