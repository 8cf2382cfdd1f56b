// Keys and workspaces as callers from outside may reach them: each call shows a management key (`api_key`).
#pragma once

#include "services/common/api/keys.h"
#include "services/common/api/workspaces.h"

namespace tollgate {

// OK for a management key that exists, is enabled and has not expired; UNAUTHENTICATED without such a key,
// PERMISSION_DENIED for one that only infers.
Awaitable<absl::Status> authenticate_manager(Keys& keys, std::string api_key);

// `keys` outlives it.
class GuardedKeys : public Keys {
 public:
  explicit GuardedKeys(Keys& keys) : keys_(keys) {}
  Awaitable<absl::StatusOr<v1::CreateKeyReply>> create(const v1::CreateKeyRequest& request) override;
  Awaitable<absl::StatusOr<v1::ListKeysReply>> list(const v1::ListKeysRequest& request) override;
  Awaitable<absl::StatusOr<v1::Key>> get(const v1::GetKeyRequest& request) override;
  Awaitable<absl::StatusOr<v1::Key>> update(const v1::UpdateKeyRequest& request) override;
  Awaitable<absl::StatusOr<v1::DeleteKeyReply>> remove(const v1::DeleteKeyRequest& request) override;

 private:
  Keys& keys_;
};

// `workspaces` and `keys` outlive it.
class GuardedWorkspaces : public Workspaces {
 public:
  GuardedWorkspaces(Workspaces& workspaces, Keys& keys) : workspaces_(workspaces), keys_(keys) {}
  Awaitable<absl::StatusOr<v1::Workspace>> create(const v1::CreateWorkspaceRequest& request) override;
  Awaitable<absl::StatusOr<v1::ListWorkspacesReply>> list(const v1::ListWorkspacesRequest& request) override;
  Awaitable<absl::StatusOr<v1::Workspace>> get(const v1::GetWorkspaceRequest& request) override;
  Awaitable<absl::StatusOr<v1::Workspace>> update(const v1::UpdateWorkspaceRequest& request) override;
  Awaitable<absl::StatusOr<v1::DeleteWorkspaceReply>> remove(const v1::DeleteWorkspaceRequest& request) override;

 private:
  Workspaces& workspaces_;
  Keys& keys_;
};

}  // namespace tollgate
