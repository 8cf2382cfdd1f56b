#include "services/common/rpc/workspaces_rpc.h"

#include "services/common/rpc/client.h"
#include "services/common/rpc/server.h"

namespace tollgate {

using Async = v1::Workspaces::StubInterface::async_interface;

WorkspacesClient::WorkspacesClient(std::shared_ptr<grpc::Channel> channel, std::chrono::milliseconds deadline)
    : stub_(v1::Workspaces::NewStub(channel)), deadline_(deadline) {}

Awaitable<absl::StatusOr<v1::Workspace>> WorkspacesClient::create(const v1::CreateWorkspaceRequest& request) {
  return unary_call(calls_, *stub_->async(), &Async::Create, request, {.deadline = deadline_});
}

Awaitable<absl::StatusOr<v1::ListWorkspacesReply>> WorkspacesClient::list(const v1::ListWorkspacesRequest& request) {
  return unary_call(calls_, *stub_->async(), &Async::List, request, {.deadline = deadline_});
}

Awaitable<absl::StatusOr<v1::Workspace>> WorkspacesClient::get(const v1::GetWorkspaceRequest& request) {
  return unary_call(calls_, *stub_->async(), &Async::Get, request, {.deadline = deadline_});
}

Awaitable<absl::StatusOr<v1::Workspace>> WorkspacesClient::update(const v1::UpdateWorkspaceRequest& request) {
  return unary_call(calls_, *stub_->async(), &Async::Update, request, {.deadline = deadline_});
}

Awaitable<absl::StatusOr<v1::DeleteWorkspaceReply>> WorkspacesClient::remove(
    const v1::DeleteWorkspaceRequest& request) {
  return unary_call(calls_, *stub_->async(), &Async::Delete, request, {.deadline = deadline_});
}

grpc::ServerUnaryReactor* WorkspacesService::Create(grpc::CallbackServerContext* context,
                                                    const v1::CreateWorkspaceRequest* request, v1::Workspace* reply) {
  return serve_unary_with_key(shards_.next(), *context, *request, reply, &Workspaces::create);
}

grpc::ServerUnaryReactor* WorkspacesService::List(grpc::CallbackServerContext* context,
                                                  const v1::ListWorkspacesRequest* request,
                                                  v1::ListWorkspacesReply* reply) {
  return serve_unary_with_key(shards_.next(), *context, *request, reply, &Workspaces::list);
}

grpc::ServerUnaryReactor* WorkspacesService::Get(grpc::CallbackServerContext* context,
                                                 const v1::GetWorkspaceRequest* request, v1::Workspace* reply) {
  return serve_unary_with_key(shards_.next(), *context, *request, reply, &Workspaces::get);
}

grpc::ServerUnaryReactor* WorkspacesService::Update(grpc::CallbackServerContext* context,
                                                    const v1::UpdateWorkspaceRequest* request, v1::Workspace* reply) {
  return serve_unary_with_key(shards_.next(), *context, *request, reply, &Workspaces::update);
}

grpc::ServerUnaryReactor* WorkspacesService::Delete(grpc::CallbackServerContext* context,
                                                    const v1::DeleteWorkspaceRequest* request,
                                                    v1::DeleteWorkspaceReply* reply) {
  return serve_unary_with_key(shards_.next(), *context, *request, reply, &Workspaces::remove);
}

}  // namespace tollgate
