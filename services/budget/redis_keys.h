// The API keys of all workspaces, on Redis.
#pragma once

#include <string>

#include "services/common/api/keys.h"
#include "services/common/redis/redis.h"

namespace tollgate {

// Changes count at once, for every replica: reserve.lua reads the same records. One for each shard, with the shard's
// own Redis.
//
// Errors: KIND_NOT_FOUND for an unknown hash, KIND_INVALID_REQUEST for what cannot be, KIND_UNAVAILABLE when Redis is
// away.
class RedisKeys : public Keys {
 public:
  explicit RedisKeys(Redis& redis) : redis_(redis) {}

  Awaitable<absl::StatusOr<v1::CreateKeyReply>> create(const v1::CreateKeyRequest& request) override;
  Awaitable<absl::StatusOr<v1::ListKeysReply>> list(const v1::ListKeysRequest& request) override;
  Awaitable<absl::StatusOr<v1::Key>> get(const v1::GetKeyRequest& request) override;
  Awaitable<absl::StatusOr<v1::Key>> update(const v1::UpdateKeyRequest& request) override;
  Awaitable<absl::StatusOr<v1::DeleteKeyReply>> remove(const v1::DeleteKeyRequest& request) override;

 private:
  // KIND_NOT_FOUND for an unknown hash.
  Awaitable<absl::StatusOr<std::string>> workspace_of(std::string hash);
  // Adds the workspace's keys to `out`.
  Awaitable<absl::Status> list_workspace(std::string workspace, v1::ListKeysReply& out);

  Redis& redis_;
};

}  // namespace tollgate
