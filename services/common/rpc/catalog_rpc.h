// The Catalog contract over gRPC, both ends.
#pragma once

#include <grpcpp/channel.h>

#include <chrono>
#include <memory>
#include <vector>

#include "services/common/api/catalog.h"
#include "services/common/rpc/calls.h"
#include "services/common/rpc/shard.h"
#include "tollgate/v1/catalog.grpc.pb.h"

namespace tollgate {

// A Catalog somewhere else. Any thread may call; a call resumes on its coroutine's executor. Rules: client.h.
class CatalogClient final : public Catalog {
 public:
  // `deadline`: of each call; 0: none.
  CatalogClient(std::shared_ptr<grpc::Channel> channel, std::chrono::milliseconds deadline);

  Awaitable<absl::StatusOr<v1::ListModelsReply>> list_models(const v1::ListModelsRequest& request) override;
  Awaitable<absl::StatusOr<v1::Model>> get_model(const v1::GetModelRequest& request) override;

 private:
  const std::unique_ptr<v1::Catalog::Stub> stub_;
  const std::chrono::milliseconds deadline_;
  Calls calls_;
};

// Serves the shards' Catalogs, each in turn; the key may stand in the metadata (metadata.h). Rules: server.h.
class CatalogService final : public v1::Catalog::CallbackService {
 public:
  explicit CatalogService(std::vector<Shard<Catalog>> shards) : shards_(std::move(shards)) {}

  grpc::ServerUnaryReactor* ListModels(grpc::CallbackServerContext* context, const v1::ListModelsRequest* request,
                                       v1::ListModelsReply* reply) override;
  grpc::ServerUnaryReactor* GetModel(grpc::CallbackServerContext* context, const v1::GetModelRequest* request,
                                     v1::Model* reply) override;

 private:
  RoundRobin<Catalog> shards_;
};

}  // namespace tollgate
