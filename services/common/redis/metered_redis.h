// A Redis whose commands are counted and timed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "services/common/redis/redis.h"
#include "services/common/telemetry/telemetry.h"

namespace tollgate {

class MeteredRedis : public Redis {
 public:
  MeteredRedis(std::unique_ptr<Redis> redis, Telemetry& telemetry);
  ~MeteredRedis() override;

  Awaitable<absl::StatusOr<RedisReply>> command(std::vector<std::string> argv) override;
  Awaitable<absl::StatusOr<RedisReply>> eval(const RedisScript& script, std::vector<std::string> keys,
                                             std::vector<std::string> args) override;
  std::uint64_t epoch() const override { return redis_->epoch(); }

 private:
  struct Meter;

  const std::unique_ptr<Redis> redis_;
  const std::shared_ptr<Meter> meter_;
};

}  // namespace tollgate
