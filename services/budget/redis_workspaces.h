// The workspaces, on Redis.
#pragma once

#include "services/common/api/workspaces.h"
#include "services/common/redis/redis.h"

namespace tollgate {

inline constexpr std::string_view kDefaultWorkspace = "default";

// One for each shard, with the shard's own Redis; changes count at once, for every replica. Errors: as RedisKeys.
// "default" comes into being by itself and cannot be removed.
class RedisWorkspaces : public Workspaces {
 public:
  explicit RedisWorkspaces(Redis& redis) : redis_(redis) {}

  Awaitable<absl::StatusOr<v1::Workspace>> create(const v1::CreateWorkspaceRequest& request) override;
  Awaitable<absl::StatusOr<v1::ListWorkspacesReply>> list(const v1::ListWorkspacesRequest& request) override;
  Awaitable<absl::StatusOr<v1::Workspace>> get(const v1::GetWorkspaceRequest& request) override;
  Awaitable<absl::StatusOr<v1::Workspace>> update(const v1::UpdateWorkspaceRequest& request) override;
  Awaitable<absl::StatusOr<v1::DeleteWorkspaceReply>> remove(const v1::DeleteWorkspaceRequest& request) override;

 private:
  // Reads it when `fields` is empty.
  Awaitable<absl::StatusOr<v1::Workspace>> update(std::string id, std::vector<std::string> fields);
  Awaitable<absl::Status> forget_activity(std::string id);

  Redis& redis_;
};

// All workspaces of this Redis, "default" among them, sorted.
Awaitable<absl::StatusOr<std::vector<std::string>>> workspace_ids(Redis& redis);

}  // namespace tollgate
