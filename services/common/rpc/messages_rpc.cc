#include "services/common/rpc/messages_rpc.h"

#include "services/common/rpc/client.h"
#include "services/common/rpc/metadata.h"
#include "services/common/rpc/server.h"
#include "services/common/telemetry/trace_context.h"

namespace tollgate {
namespace {

using Async = v1::Messages::StubInterface::async_interface;

// gRPC's request, completed by the metadata. It is gRPC's own memory, not const by itself and not looked at again:
// moving out of it saves the copy of a body of up to 32 MB.
absl::StatusOr<v1::CreateRequest> take(const grpc::CallbackServerContext& context, const v1::CreateRequest* request) {
  v1::CreateRequest taken = std::move(const_cast<v1::CreateRequest&>(*request));
  absl::Status merged = merge_metadata(context.client_metadata(), taken);
  if (!merged.ok())
    return merged;
  return taken;
}

Awaitable<absl::Status> create(Messages& messages, absl::StatusOr<v1::CreateRequest>& request, FrameSink& sink) {
  if (!request.ok())
    co_return request.status();
  co_return co_await messages.create(*std::move(request), sink);
}

Awaitable<absl::StatusOr<v1::CountTokensReply>> count_tokens(Messages& messages,
                                                             absl::StatusOr<v1::CreateRequest>& request) {
  if (!request.ok())
    co_return request.status();
  co_return co_await messages.count_tokens(*std::move(request));
}

}  // namespace

MessagesClient::MessagesClient(std::shared_ptr<grpc::Channel> channel, MessagesDeadlines deadlines)
    : stub_(v1::Messages::NewStub(channel)), deadlines_(deadlines) {}

Awaitable<absl::Status> MessagesClient::create(v1::CreateRequest request, FrameSink& sink) {
  const Executor executor = co_await asio::this_coro::executor;
  const CallOptions options{.deadline = deadlines_.create, .metadata = trace_of(request.headers())};
  ReadStream<v1::Frame> stream(calls_, executor, *stub_->async(), &Async::Create, request, options);
  // The body is on its way and not needed while the answer streams.
  v1::CreateRequest().Swap(&request);
  co_return co_await read_into(stream, sink);
}

Awaitable<absl::StatusOr<v1::CountTokensReply>> MessagesClient::count_tokens(v1::CreateRequest request) {
  const CallOptions options{.deadline = deadlines_.count_tokens, .metadata = trace_of(request.headers())};
  co_return co_await unary_call(calls_, *stub_->async(), &Async::CountTokens, request, options);
}

grpc::ServerWriteReactor<v1::Frame>* MessagesService::Create(grpc::CallbackServerContext* context,
                                                             const v1::CreateRequest* request) {
  return serve_stream<v1::Frame, FrameSink>(
      shards_.next(), context, [taken = take(*context, request)](Messages& messages, FrameSink& sink) mutable {
        return create(messages, taken, sink);
      });
}

grpc::ServerUnaryReactor* MessagesService::CountTokens(grpc::CallbackServerContext* context,
                                                       const v1::CreateRequest* request, v1::CountTokensReply* reply) {
  return serve_unary(shards_.next(), reply, [taken = take(*context, request)](Messages& messages) mutable {
    return count_tokens(messages, taken);
  });
}

}  // namespace tollgate
