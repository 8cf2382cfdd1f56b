// The Workspaces contract (protos/tollgate/v1/workspaces.proto) as a C++ interface. Rules as for Messages.
#pragma once

#include "absl/status/statusor.h"
#include "services/common/async.h"
#include "tollgate/v1/workspaces.pb.h"

namespace tollgate {

struct Workspaces {
  virtual ~Workspaces() = default;
  virtual Awaitable<absl::StatusOr<v1::Workspace>> create(const v1::CreateWorkspaceRequest& request) = 0;
  virtual Awaitable<absl::StatusOr<v1::ListWorkspacesReply>> list(const v1::ListWorkspacesRequest& request) = 0;
  virtual Awaitable<absl::StatusOr<v1::Workspace>> get(const v1::GetWorkspaceRequest& request) = 0;
  virtual Awaitable<absl::StatusOr<v1::Workspace>> update(const v1::UpdateWorkspaceRequest& request) = 0;
  virtual Awaitable<absl::StatusOr<v1::DeleteWorkspaceReply>> remove(const v1::DeleteWorkspaceRequest& request) = 0;
};

}  // namespace tollgate
