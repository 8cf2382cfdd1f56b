// The ProviderAdapter contract over gRPC, both ends.
#pragma once

#include <grpcpp/channel.h>

#include <chrono>
#include <memory>
#include <vector>

#include "services/common/api/provider_adapter.h"
#include "services/common/rpc/calls.h"
#include "services/common/rpc/shard.h"
#include "tollgate/v1/adapter.grpc.pb.h"

namespace tollgate {

// Of each call; 0: none.
struct ProviderAdapterDeadlines {
  std::chrono::milliseconds send{0};
  std::chrono::milliseconds count_tokens{60'000};
  std::chrono::milliseconds probe{15'000};
};

// A ProviderAdapter somewhere else. Any thread may call; a call resumes on its coroutine's executor. Rules: client.h.
class ProviderAdapterClient final : public ProviderAdapter {
 public:
  explicit ProviderAdapterClient(std::shared_ptr<grpc::Channel> channel, ProviderAdapterDeadlines deadlines = {});

  Awaitable<absl::Status> send(const v1::SendRequest& request, FrameSink& sink) override;
  Awaitable<absl::StatusOr<v1::CountTokensReply>> count_tokens(const v1::SendRequest& request) override;
  Awaitable<absl::StatusOr<v1::ProbeReply>> probe(const v1::ProbeRequest& request) override;

 private:
  const std::unique_ptr<v1::ProviderAdapter::Stub> stub_;
  const ProviderAdapterDeadlines deadlines_;
  Calls calls_;
};

// Serves the shards' ProviderAdapters, each in turn. Rules: server.h.
class ProviderAdapterService final : public v1::ProviderAdapter::CallbackService {
 public:
  explicit ProviderAdapterService(std::vector<Shard<ProviderAdapter>> shards) : shards_(std::move(shards)) {}

  grpc::ServerWriteReactor<v1::Frame>* Send(grpc::CallbackServerContext* context,
                                            const v1::SendRequest* request) override;
  grpc::ServerUnaryReactor* CountTokens(grpc::CallbackServerContext* context, const v1::SendRequest* request,
                                        v1::CountTokensReply* reply) override;
  grpc::ServerUnaryReactor* Probe(grpc::CallbackServerContext* context, const v1::ProbeRequest* request,
                                  v1::ProbeReply* reply) override;

 private:
  RoundRobin<ProviderAdapter> shards_;
};

}  // namespace tollgate
