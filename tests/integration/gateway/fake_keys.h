// Keys and workspaces in memory, for tests of the edge.
#pragma once

#include <map>
#include <mutex>
#include <vector>

#include "services/common/api/keys.h"
#include "services/common/api/workspaces.h"

namespace tollgate {

// Knows the keys sk-tg-v1-good, sk-tg-v1-disabled, sk-tg-v1-expired, sk-tg-v1-manager (a management key) and
// sk-tg-v1-retired (a disabled one); is away for sk-tg-v1-away. Any thread.
class FakeKeys final : public Keys {
 public:
  FakeKeys();
  Awaitable<absl::StatusOr<v1::Key>> get(const v1::GetKeyRequest& request) override;
  // In the workspaces "default" and "team"; the secret of the key NAME is sk-tg-v1-NAME.
  Awaitable<absl::StatusOr<v1::CreateKeyReply>> create(const v1::CreateKeyRequest& request) override;
  Awaitable<absl::StatusOr<v1::ListKeysReply>> list(const v1::ListKeysRequest& request) override;
  Awaitable<absl::StatusOr<v1::Key>> update(const v1::UpdateKeyRequest& request) override;
  Awaitable<absl::StatusOr<v1::DeleteKeyReply>> remove(const v1::DeleteKeyRequest& request) override;

  // Calls that change something.
  std::size_t changes() const;

 private:
  v1::Key& add(const std::string& name);

  mutable std::mutex mutex_;
  std::size_t changes_ = 0;
  // In their order.
  std::vector<v1::Key> keys_;
};

// Knows "default"; "busy" cannot be removed.
class FakeWorkspaces final : public Workspaces {
 public:
  FakeWorkspaces();
  Awaitable<absl::StatusOr<v1::Workspace>> create(const v1::CreateWorkspaceRequest& request) override;
  Awaitable<absl::StatusOr<v1::ListWorkspacesReply>> list(const v1::ListWorkspacesRequest& request) override;
  Awaitable<absl::StatusOr<v1::Workspace>> get(const v1::GetWorkspaceRequest& request) override;
  Awaitable<absl::StatusOr<v1::Workspace>> update(const v1::UpdateWorkspaceRequest& request) override;
  Awaitable<absl::StatusOr<v1::DeleteWorkspaceReply>> remove(const v1::DeleteWorkspaceRequest& request) override;

 private:
  std::mutex mutex_;
  std::map<std::string, v1::Workspace> workspaces_;
};

}  // namespace tollgate
