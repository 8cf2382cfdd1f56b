// The Marks contract over gRPC, both ends.
#pragma once

#include <grpcpp/channel.h>

#include <chrono>
#include <memory>
#include <vector>

#include "services/common/api/marks.h"
#include "services/common/rpc/calls.h"
#include "services/common/rpc/shard.h"
#include "tollgate/v1/health.grpc.pb.h"

namespace tollgate {

// A Marks somewhere else. Any thread may call; a call resumes on its coroutine's executor. Rules: client.h.
class MarksClient final : public Marks {
 public:
  // `deadline`: of each call; 0: none.
  MarksClient(std::shared_ptr<grpc::Channel> channel, std::chrono::milliseconds deadline);

  Awaitable<absl::StatusOr<v1::ReportMarksReply>> report(const v1::ReportMarksRequest& request) override;
  Awaitable<absl::StatusOr<v1::ReadMarksReply>> read(const v1::ReadMarksRequest& request) override;

 private:
  const std::unique_ptr<v1::Marks::Stub> stub_;
  const std::chrono::milliseconds deadline_;
  Calls calls_;
};

// Serves the shards' Marks, each in turn. Rules: server.h.
class MarksService final : public v1::Marks::CallbackService {
 public:
  explicit MarksService(std::vector<Shard<Marks>> shards) : shards_(std::move(shards)) {}

  grpc::ServerUnaryReactor* Report(grpc::CallbackServerContext* context, const v1::ReportMarksRequest* request,
                                   v1::ReportMarksReply* reply) override;
  grpc::ServerUnaryReactor* Read(grpc::CallbackServerContext* context, const v1::ReadMarksRequest* request,
                                 v1::ReadMarksReply* reply) override;

 private:
  RoundRobin<Marks> shards_;
};

}  // namespace tollgate
