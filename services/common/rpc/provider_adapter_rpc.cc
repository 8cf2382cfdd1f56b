#include "services/common/rpc/provider_adapter_rpc.h"

#include "services/common/rpc/client.h"
#include "services/common/rpc/server.h"
#include "services/common/telemetry/trace_context.h"

namespace tollgate {

using Async = v1::ProviderAdapter::StubInterface::async_interface;

ProviderAdapterClient::ProviderAdapterClient(std::shared_ptr<grpc::Channel> channel, ProviderAdapterDeadlines deadlines)
    : stub_(v1::ProviderAdapter::NewStub(channel)), deadlines_(deadlines) {}

Awaitable<absl::Status> ProviderAdapterClient::send(const v1::SendRequest& request, FrameSink& sink) {
  const Executor executor = co_await asio::this_coro::executor;
  const CallOptions options{.deadline = deadlines_.send, .metadata = trace_of(request.headers())};
  ReadStream<v1::Frame> stream(calls_, executor, *stub_->async(), &Async::Send, request, options);
  co_return co_await read_into(stream, sink);
}

Awaitable<absl::StatusOr<v1::CountTokensReply>> ProviderAdapterClient::count_tokens(const v1::SendRequest& request) {
  CallOptions options{.deadline = deadlines_.count_tokens, .metadata = trace_of(request.headers())};
  return unary_call(calls_, *stub_->async(), &Async::CountTokens, request, std::move(options));
}

Awaitable<absl::StatusOr<v1::ProbeReply>> ProviderAdapterClient::probe(const v1::ProbeRequest& request) {
  return unary_call(calls_, *stub_->async(), &Async::Probe, request, {.deadline = deadlines_.probe});
}

grpc::ServerWriteReactor<v1::Frame>* ProviderAdapterService::Send(grpc::CallbackServerContext* context,
                                                                  const v1::SendRequest* request) {
  return serve_stream<v1::Frame, FrameSink>(
      shards_.next(), context,
      [request](ProviderAdapter& adapter, FrameSink& sink) { return adapter.send(*request, sink); });
}

grpc::ServerUnaryReactor* ProviderAdapterService::CountTokens(grpc::CallbackServerContext*,
                                                              const v1::SendRequest* request,
                                                              v1::CountTokensReply* reply) {
  return serve_unary(shards_.next(), request, reply, &ProviderAdapter::count_tokens);
}

grpc::ServerUnaryReactor* ProviderAdapterService::Probe(grpc::CallbackServerContext*, const v1::ProbeRequest* request,
                                                        v1::ProbeReply* reply) {
  return serve_unary(shards_.next(), request, reply, &ProviderAdapter::probe);
}

}  // namespace tollgate
