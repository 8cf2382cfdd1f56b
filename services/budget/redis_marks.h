// What the routers tell each other about the upstreams, on Redis.
#pragma once

#include "services/common/api/marks.h"
#include "services/common/redis/redis.h"

namespace tollgate {

// One for each shard, with the shard's own Redis. Errors: KIND_INVALID_REQUEST for more than kMost marks or too long a
// name, KIND_UNAVAILABLE when Redis is away.
class RedisMarks : public Marks {
 public:
  // Kept in all, and in one report.
  static constexpr int kMost = 4096;

  explicit RedisMarks(Redis& redis) : redis_(redis) {}

  Awaitable<absl::StatusOr<v1::ReportMarksReply>> report(const v1::ReportMarksRequest& request) override;
  Awaitable<absl::StatusOr<v1::ReadMarksReply>> read(const v1::ReadMarksRequest& request) override;

 private:
  Redis& redis_;
};

}  // namespace tollgate
