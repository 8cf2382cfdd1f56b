// The SignIns contract over gRPC, both ends.
#pragma once

#include <grpcpp/channel.h>

#include <chrono>
#include <memory>
#include <vector>

#include "services/common/api/sign_ins.h"
#include "services/common/rpc/calls.h"
#include "services/common/rpc/shard.h"
#include "tollgate/v1/sign_in.grpc.pb.h"

namespace tollgate {

// SignIns somewhere else. Any thread may call; a call resumes on its coroutine's executor. Rules: client.h.
class SignInsClient final : public SignIns {
 public:
  // `deadline`: of each call; 0: none.
  SignInsClient(std::shared_ptr<grpc::Channel> channel, std::chrono::milliseconds deadline);

  Awaitable<absl::StatusOr<v1::CreateSignInReply>> create(const v1::CreateSignInRequest& request) override;
  Awaitable<absl::StatusOr<v1::DeleteSignInReply>> remove(const v1::DeleteSignInRequest& request) override;

 private:
  const std::unique_ptr<v1::SignIns::Stub> stub_;
  const std::chrono::milliseconds deadline_;
  Calls calls_;
};

// Serves the shards' SignIns, each in turn. Rules: server.h.
class SignInsService final : public v1::SignIns::CallbackService {
 public:
  explicit SignInsService(std::vector<Shard<SignIns>> shards) : shards_(std::move(shards)) {}

  grpc::ServerUnaryReactor* Create(grpc::CallbackServerContext* context, const v1::CreateSignInRequest* request,
                                   v1::CreateSignInReply* reply) override;
  grpc::ServerUnaryReactor* Delete(grpc::CallbackServerContext* context, const v1::DeleteSignInRequest* request,
                                   v1::DeleteSignInReply* reply) override;

 private:
  RoundRobin<SignIns> shards_;
};

}  // namespace tollgate
