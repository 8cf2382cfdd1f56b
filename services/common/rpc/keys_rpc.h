// The Keys contract over gRPC, both ends.
#pragma once

#include <grpcpp/channel.h>

#include <chrono>
#include <memory>
#include <vector>

#include "services/common/api/keys.h"
#include "services/common/rpc/calls.h"
#include "services/common/rpc/shard.h"
#include "tollgate/v1/keys.grpc.pb.h"

namespace tollgate {

// A Keys somewhere else. Any thread may call; a call resumes on its coroutine's executor. Rules: client.h.
class KeysClient final : public Keys {
 public:
  // `deadline`: of each call; 0: none.
  KeysClient(std::shared_ptr<grpc::Channel> channel, std::chrono::milliseconds deadline);

  Awaitable<absl::StatusOr<v1::CreateKeyReply>> create(const v1::CreateKeyRequest& request) override;
  Awaitable<absl::StatusOr<v1::ListKeysReply>> list(const v1::ListKeysRequest& request) override;
  Awaitable<absl::StatusOr<v1::Key>> get(const v1::GetKeyRequest& request) override;
  Awaitable<absl::StatusOr<v1::Key>> update(const v1::UpdateKeyRequest& request) override;
  Awaitable<absl::StatusOr<v1::DeleteKeyReply>> remove(const v1::DeleteKeyRequest& request) override;

 private:
  const std::unique_ptr<v1::Keys::Stub> stub_;
  const std::chrono::milliseconds deadline_;
  Calls calls_;
};

// Serves the shards' Keys, each in turn. Rules: server.h.
class KeysService final : public v1::Keys::CallbackService {
 public:
  explicit KeysService(std::vector<Shard<Keys>> shards) : shards_(std::move(shards)) {}

  grpc::ServerUnaryReactor* Create(grpc::CallbackServerContext* context, const v1::CreateKeyRequest* request,
                                   v1::CreateKeyReply* reply) override;
  grpc::ServerUnaryReactor* List(grpc::CallbackServerContext* context, const v1::ListKeysRequest* request,
                                 v1::ListKeysReply* reply) override;
  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* context, const v1::GetKeyRequest* request,
                                v1::Key* reply) override;
  grpc::ServerUnaryReactor* Update(grpc::CallbackServerContext* context, const v1::UpdateKeyRequest* request,
                                   v1::Key* reply) override;
  grpc::ServerUnaryReactor* Delete(grpc::CallbackServerContext* context, const v1::DeleteKeyRequest* request,
                                   v1::DeleteKeyReply* reply) override;

 private:
  RoundRobin<Keys> shards_;
};

}  // namespace tollgate
