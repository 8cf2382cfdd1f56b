// Proof that the counters are what the records say: for each key and workspace, `held` is the sum of the live holds and
// `usage` (and that of the running day, week and month) is the sum of the settled generations and of the archived ones.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "services/common/redis/redis.h"

namespace tollgate {

struct Difference {
  std::string workspace;
  // Empty: the workspace's own counters.
  std::string key_hash;
  // held, usage, day_usage, week_usage or month_usage.
  std::string counter;
  std::int64_t stored = 0;
  // What the records add up to.
  std::int64_t expected = 0;
};

struct AuditReport {
  std::int64_t workspaces = 0;
  std::int64_t keys = 0;
  std::int64_t holds = 0;
  std::int64_t settled = 0;
  // How many of those because their owner had died.
  std::int64_t lease_expired = 0;
  std::vector<Difference> differences;
  // Generations that are listed and have no record, or an unreadable one; "workspace/generation".
  std::vector<std::string> broken;
  std::int64_t repaired = 0;

  bool clean() const { return differences.empty() && broken.empty(); }
};

// Looks at all workspaces, or at one. May run while requests are served: the counters and the holds of a workspace are
// read in one script (about 10 us of Redis' time for each key and hold), the settled generations in pieces, none of
// which changes meanwhile but by the late settlement of an expired lease; a workspace that differs is therefore looked
// at three times before it is reported. With `repair` the differences are added to the counters. Errors:
// KIND_UNAVAILABLE when Redis is away, KIND_NOT_FOUND for an unknown workspace.
Awaitable<absl::StatusOr<AuditReport>> audit_ledger(Redis& redis, std::string workspace, bool repair);

}  // namespace tollgate
