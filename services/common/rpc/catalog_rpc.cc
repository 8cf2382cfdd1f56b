#include "services/common/rpc/catalog_rpc.h"

#include "services/common/rpc/client.h"
#include "services/common/rpc/server.h"

namespace tollgate {

using Async = v1::Catalog::StubInterface::async_interface;

CatalogClient::CatalogClient(std::shared_ptr<grpc::Channel> channel, std::chrono::milliseconds deadline)
    : stub_(v1::Catalog::NewStub(channel)), deadline_(deadline) {}

Awaitable<absl::StatusOr<v1::ListModelsReply>> CatalogClient::list_models(const v1::ListModelsRequest& request) {
  return unary_call(calls_, *stub_->async(), &Async::ListModels, request, {.deadline = deadline_});
}

Awaitable<absl::StatusOr<v1::Model>> CatalogClient::get_model(const v1::GetModelRequest& request) {
  return unary_call(calls_, *stub_->async(), &Async::GetModel, request, {.deadline = deadline_});
}

grpc::ServerUnaryReactor* CatalogService::ListModels(grpc::CallbackServerContext* context,
                                                     const v1::ListModelsRequest* request, v1::ListModelsReply* reply) {
  return serve_unary_with_key(shards_.next(), *context, *request, reply, &Catalog::list_models);
}

grpc::ServerUnaryReactor* CatalogService::GetModel(grpc::CallbackServerContext* context,
                                                   const v1::GetModelRequest* request, v1::Model* reply) {
  return serve_unary_with_key(shards_.next(), *context, *request, reply, &Catalog::get_model);
}

}  // namespace tollgate
