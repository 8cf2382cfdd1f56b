#include "services/common/rpc/catalog_rpc.h"

#include "services/common/rpc/client.h"
#include "services/common/rpc/metadata.h"
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

namespace {

template <class Reply>
Awaitable<absl::StatusOr<Reply>> failed(absl::Status status) {
  co_return status;
}

// Serves a request whose key may stand in the metadata.
template <class Request, class Reply>
grpc::ServerUnaryReactor* serve(const Shard<Catalog>& shard, const grpc::CallbackServerContext& context,
                                Request request, Reply* reply,
                                Awaitable<absl::StatusOr<Reply>> (Catalog::*method)(const Request&)) {
  absl::Status status = merge_key(context.client_metadata(), request);
  return serve_unary(
      shard, reply, [=](Catalog& catalog) { return status.ok() ? (catalog.*method)(request) : failed<Reply>(status); });
}

}  // namespace

grpc::ServerUnaryReactor* CatalogService::ListModels(grpc::CallbackServerContext* context,
                                                     const v1::ListModelsRequest* request, v1::ListModelsReply* reply) {
  return serve(shards_.next(), *context, *request, reply, &Catalog::list_models);
}

grpc::ServerUnaryReactor* CatalogService::GetModel(grpc::CallbackServerContext* context,
                                                   const v1::GetModelRequest* request, v1::Model* reply) {
  return serve(shards_.next(), *context, *request, reply, &Catalog::get_model);
}

}  // namespace tollgate
