// The Messages contract over gRPC, both ends.
#pragma once

#include <grpcpp/channel.h>

#include <chrono>
#include <memory>
#include <vector>

#include "services/common/api/messages.h"
#include "services/common/rpc/calls.h"
#include "services/common/rpc/shard.h"
#include "tollgate/v1/messages.grpc.pb.h"

namespace tollgate {

// Of each call; 0: none.
struct MessagesDeadlines {
  std::chrono::milliseconds create{0};
  std::chrono::milliseconds count_tokens{60'000};
};

// A Messages somewhere else. Any thread may call; a call resumes on its coroutine's executor. Rules: client.h.
class MessagesClient final : public Messages {
 public:
  explicit MessagesClient(std::shared_ptr<grpc::Channel> channel, MessagesDeadlines deadlines = {});

  Awaitable<absl::Status> create(v1::CreateRequest request, FrameSink& sink) override;
  Awaitable<absl::StatusOr<v1::CountTokensReply>> count_tokens(v1::CreateRequest request) override;

 private:
  const std::unique_ptr<v1::Messages::Stub> stub_;
  const MessagesDeadlines deadlines_;
  Calls calls_;
};

// Serves the shards' Messages, each in turn, and completes the requests by what stands in the metadata (metadata.h).
// Rules: server.h.
class MessagesService final : public v1::Messages::CallbackService {
 public:
  explicit MessagesService(std::vector<Shard<Messages>> shards) : shards_(std::move(shards)) {}

  grpc::ServerWriteReactor<v1::Frame>* Create(grpc::CallbackServerContext* context,
                                              const v1::CreateRequest* request) override;
  grpc::ServerUnaryReactor* CountTokens(grpc::CallbackServerContext* context, const v1::CreateRequest* request,
                                        v1::CountTokensReply* reply) override;

 private:
  RoundRobin<Messages> shards_;
};

}  // namespace tollgate
