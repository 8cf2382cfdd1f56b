// Sessions of the dashboard, on Redis: any gateway knows them, and they end by themselves.
#pragma once

#include <chrono>

#include "services/common/api/sign_ins.h"
#include "services/common/redis/redis.h"

namespace tollgate {

// How long a session lasts that nobody uses.
inline constexpr std::chrono::hours kSessionLasts{12};

// One for each shard, with the shard's own Redis. Errors: KIND_INVALID_REQUEST for what is no hash, KIND_UNAVAILABLE
// when Redis is away.
class RedisSignIns : public SignIns {
 public:
  explicit RedisSignIns(Redis& redis) : redis_(redis) {}

  Awaitable<absl::StatusOr<v1::CreateSignInReply>> create(const v1::CreateSignInRequest& request) override;
  Awaitable<absl::StatusOr<v1::DeleteSignInReply>> remove(const v1::DeleteSignInRequest& request) override;

 private:
  Redis& redis_;
};

// The hash of the session's key, which lasts anew from now on; empty when there is no such session.
Awaitable<absl::StatusOr<std::string>> key_of_session(Redis& redis, std::string token_hash);

}  // namespace tollgate
