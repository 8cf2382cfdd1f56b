// The Routing contract over gRPC, both ends.
#pragma once

#include <grpcpp/channel.h>

#include <chrono>
#include <memory>
#include <vector>

#include "services/common/api/routing.h"
#include "services/common/rpc/calls.h"
#include "services/common/rpc/shard.h"
#include "tollgate/v1/routing.grpc.pb.h"

namespace tollgate {

// A Routing somewhere else. Any thread may call; a call resumes on its coroutine's executor. Rules: client.h.
class RoutingClient final : public Routing {
 public:
  // `deadline`: of each call; 0: none.
  RoutingClient(std::shared_ptr<grpc::Channel> channel, std::chrono::milliseconds deadline);

  Awaitable<absl::StatusOr<v1::ExplainReply>> explain(const v1::ExplainRequest& request) override;

 private:
  const std::unique_ptr<v1::Routing::Stub> stub_;
  const std::chrono::milliseconds deadline_;
  Calls calls_;
};

// Serves the shards' Routings, each in turn; the key may stand in the metadata (metadata.h). Rules: server.h.
class RoutingService final : public v1::Routing::CallbackService {
 public:
  explicit RoutingService(std::vector<Shard<Routing>> shards) : shards_(std::move(shards)) {}

  grpc::ServerUnaryReactor* Explain(grpc::CallbackServerContext* context, const v1::ExplainRequest* request,
                                    v1::ExplainReply* reply) override;

 private:
  RoundRobin<Routing> shards_;
};

}  // namespace tollgate
