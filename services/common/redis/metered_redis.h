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

  Awaitable<absl::StatusOr<RedisReply>> command(std::vector<std::string> argv) override;
  Awaitable<absl::StatusOr<RedisReply>> eval(const RedisScript& script, std::vector<std::string> keys,
                                             std::vector<std::string> args) override;
  std::uint64_t epoch() const override { return redis_->epoch(); }

 private:
  Awaitable<absl::StatusOr<RedisReply>> measured(Awaitable<absl::StatusOr<RedisReply>> call);
  void note_connections();

  const std::unique_ptr<Redis> redis_;
  Counter& ok_;
  Counter& refused_;
  Counter& unavailable_;
  Counter& connections_;
  Gauge& in_flight_;
  Histogram& time_;
  // Of the connections that are counted.
  std::uint64_t epoch_ = 0;
};

}  // namespace tollgate
