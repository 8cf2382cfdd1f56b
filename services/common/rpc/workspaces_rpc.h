// The Workspaces contract over gRPC, both ends.
#pragma once

#include <grpcpp/channel.h>

#include <chrono>
#include <memory>
#include <vector>

#include "services/common/api/workspaces.h"
#include "services/common/rpc/calls.h"
#include "services/common/rpc/shard.h"
#include "tollgate/v1/workspaces.grpc.pb.h"

namespace tollgate {

// A Workspaces somewhere else. Any thread may call; a call resumes on its coroutine's executor. Rules: client.h.
class WorkspacesClient final : public Workspaces {
 public:
  // `deadline`: of each call; 0: none.
  WorkspacesClient(std::shared_ptr<grpc::Channel> channel, std::chrono::milliseconds deadline);

  Awaitable<absl::StatusOr<v1::Workspace>> create(const v1::CreateWorkspaceRequest& request) override;
  Awaitable<absl::StatusOr<v1::ListWorkspacesReply>> list(const v1::ListWorkspacesRequest& request) override;
  Awaitable<absl::StatusOr<v1::Workspace>> get(const v1::GetWorkspaceRequest& request) override;
  Awaitable<absl::StatusOr<v1::Workspace>> update(const v1::UpdateWorkspaceRequest& request) override;
  Awaitable<absl::StatusOr<v1::DeleteWorkspaceReply>> remove(const v1::DeleteWorkspaceRequest& request) override;

 private:
  const std::unique_ptr<v1::Workspaces::Stub> stub_;
  const std::chrono::milliseconds deadline_;
  Calls calls_;
};

// Serves the shards' Workspaces, each in turn. Rules: server.h.
class WorkspacesService final : public v1::Workspaces::CallbackService {
 public:
  explicit WorkspacesService(std::vector<Shard<Workspaces>> shards) : shards_(std::move(shards)) {}

  grpc::ServerUnaryReactor* Create(grpc::CallbackServerContext* context, const v1::CreateWorkspaceRequest* request,
                                   v1::Workspace* reply) override;
  grpc::ServerUnaryReactor* List(grpc::CallbackServerContext* context, const v1::ListWorkspacesRequest* request,
                                 v1::ListWorkspacesReply* reply) override;
  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* context, const v1::GetWorkspaceRequest* request,
                                v1::Workspace* reply) override;
  grpc::ServerUnaryReactor* Update(grpc::CallbackServerContext* context, const v1::UpdateWorkspaceRequest* request,
                                   v1::Workspace* reply) override;
  grpc::ServerUnaryReactor* Delete(grpc::CallbackServerContext* context, const v1::DeleteWorkspaceRequest* request,
                                   v1::DeleteWorkspaceReply* reply) override;

 private:
  RoundRobin<Workspaces> shards_;
};

}  // namespace tollgate
