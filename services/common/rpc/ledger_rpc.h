// The Ledger contract over gRPC, both ends.
#pragma once

#include <grpcpp/channel.h>

#include <chrono>
#include <memory>
#include <vector>

#include "services/common/api/ledger.h"
#include "services/common/rpc/calls.h"
#include "services/common/rpc/shard.h"
#include "tollgate/v1/ledger.grpc.pb.h"

namespace tollgate {

// A Ledger somewhere else. Any thread may call; a call resumes on its coroutine's executor. Rules: client.h.
class LedgerClient final : public Ledger {
 public:
  // `deadline`: of each call; 0: none.
  LedgerClient(std::shared_ptr<grpc::Channel> channel, std::chrono::milliseconds deadline);

  Awaitable<absl::StatusOr<v1::ReserveReply>> reserve(const v1::ReserveRequest& request) override;
  Awaitable<absl::StatusOr<v1::CheckpointReply>> checkpoint(const v1::CheckpointRequest& request) override;
  Awaitable<absl::StatusOr<v1::SettleReply>> settle(const v1::SettleRequest& request) override;
  Awaitable<absl::StatusOr<v1::NoteReply>> note(const v1::ActivityRecord& record) override;

 private:
  const std::unique_ptr<v1::Ledger::Stub> stub_;
  const std::chrono::milliseconds deadline_;
  Calls calls_;
};

// Serves the shards' Ledgers, each in turn. Rules: server.h.
class LedgerService final : public v1::Ledger::CallbackService {
 public:
  explicit LedgerService(std::vector<Shard<Ledger>> shards) : shards_(std::move(shards)) {}

  grpc::ServerUnaryReactor* Reserve(grpc::CallbackServerContext* context, const v1::ReserveRequest* request,
                                    v1::ReserveReply* reply) override;
  grpc::ServerUnaryReactor* Checkpoint(grpc::CallbackServerContext* context, const v1::CheckpointRequest* request,
                                       v1::CheckpointReply* reply) override;
  grpc::ServerUnaryReactor* Settle(grpc::CallbackServerContext* context, const v1::SettleRequest* request,
                                   v1::SettleReply* reply) override;
  grpc::ServerUnaryReactor* Note(grpc::CallbackServerContext* context, const v1::ActivityRecord* record,
                                 v1::NoteReply* reply) override;

 private:
  RoundRobin<Ledger> shards_;
};

}  // namespace tollgate
