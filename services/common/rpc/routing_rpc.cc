#include "services/common/rpc/routing_rpc.h"

#include "services/common/rpc/client.h"
#include "services/common/rpc/server.h"

namespace tollgate {

using Async = v1::Routing::StubInterface::async_interface;

RoutingClient::RoutingClient(std::shared_ptr<grpc::Channel> channel, std::chrono::milliseconds deadline)
    : stub_(v1::Routing::NewStub(channel)), deadline_(deadline) {}

Awaitable<absl::StatusOr<v1::ExplainReply>> RoutingClient::explain(const v1::ExplainRequest& request) {
  return unary_call(calls_, *stub_->async(), &Async::Explain, request, {.deadline = deadline_});
}

grpc::ServerUnaryReactor* RoutingService::Explain(grpc::CallbackServerContext* context,
                                                  const v1::ExplainRequest* request, v1::ExplainReply* reply) {
  return serve_unary_with_key(shards_.next(), *context, *request, reply, &Routing::explain);
}

}  // namespace tollgate
