// The Activity contract over gRPC, both ends.
#pragma once

#include <grpcpp/channel.h>

#include <chrono>
#include <memory>
#include <vector>

#include "services/common/api/activity.h"
#include "services/common/rpc/calls.h"
#include "services/common/rpc/endless_streams.h"
#include "services/common/rpc/shard.h"
#include "tollgate/v1/activity.grpc.pb.h"

namespace tollgate {

// An Activity somewhere else. Any thread may call; a call resumes on its coroutine's executor. Rules: client.h.
class ActivityClient final : public Activity {
 public:
  // `deadline`: of each call but an export; 0: none.
  ActivityClient(std::shared_ptr<grpc::Channel> channel, std::chrono::milliseconds deadline);

  Awaitable<absl::StatusOr<v1::ActivityReply>> query(const v1::ActivityQuery& request) override;
  Awaitable<absl::StatusOr<v1::RecordsReply>> records(const v1::RecordsQuery& request) override;
  Awaitable<absl::StatusOr<v1::SessionsReply>> sessions(const v1::SessionsQuery& request) override;
  Awaitable<absl::StatusOr<v1::ActivityRecord>> generation(const v1::GenerationQuery& request) override;
  Awaitable<absl::Status> export_records(const v1::ExportQuery& request, RecordSink& sink) override;

 private:
  const std::unique_ptr<v1::Activity::Stub> stub_;
  const std::chrono::milliseconds deadline_;
  Calls calls_;
};

// Serves the shards' Activities, each in turn; the key may stand in the metadata (metadata.h). Rules: server.h.
class ActivityService final : public v1::Activity::CallbackService, public EndlessStreams {
 public:
  explicit ActivityService(std::vector<Shard<Activity>> shards) : shards_(std::move(shards)) {}

  grpc::ServerUnaryReactor* Query(grpc::CallbackServerContext* context, const v1::ActivityQuery* request,
                                  v1::ActivityReply* reply) override;
  grpc::ServerUnaryReactor* Records(grpc::CallbackServerContext* context, const v1::RecordsQuery* request,
                                    v1::RecordsReply* reply) override;
  grpc::ServerUnaryReactor* Sessions(grpc::CallbackServerContext* context, const v1::SessionsQuery* request,
                                     v1::SessionsReply* reply) override;
  grpc::ServerUnaryReactor* GetGeneration(grpc::CallbackServerContext* context, const v1::GenerationQuery* request,
                                          v1::ActivityRecord* reply) override;
  grpc::ServerWriteReactor<v1::ActivityRecord>* Export(grpc::CallbackServerContext* context,
                                                       const v1::ExportQuery* request) override;

  void end_streams() override { following_.end_all(); }

 private:
  RoundRobin<Activity> shards_;
  // Exports that follow.
  StreamEnds following_;
};

}  // namespace tollgate
