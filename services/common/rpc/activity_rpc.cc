#include "services/common/rpc/activity_rpc.h"

#include "services/common/rpc/client.h"
#include "services/common/rpc/server.h"

namespace tollgate {
namespace {

using Async = v1::Activity::StubInterface::async_interface;

Awaitable<absl::Status> export_records(Activity& activity, const v1::ExportQuery& request, const absl::Status& merged,
                                       RecordSink& sink) {
  if (!merged.ok())
    co_return merged;
  co_return co_await activity.export_records(request, sink);
}

}  // namespace

ActivityClient::ActivityClient(std::shared_ptr<grpc::Channel> channel, std::chrono::milliseconds deadline)
    : stub_(v1::Activity::NewStub(channel)), deadline_(deadline) {}

Awaitable<absl::StatusOr<v1::ActivityReply>> ActivityClient::query(const v1::ActivityQuery& request) {
  return unary_call(calls_, *stub_->async(), &Async::Query, request, {.deadline = deadline_});
}

Awaitable<absl::StatusOr<v1::RecordsReply>> ActivityClient::records(const v1::RecordsQuery& request) {
  return unary_call(calls_, *stub_->async(), &Async::Records, request, {.deadline = deadline_});
}

Awaitable<absl::StatusOr<v1::SessionsReply>> ActivityClient::sessions(const v1::SessionsQuery& request) {
  return unary_call(calls_, *stub_->async(), &Async::Sessions, request, {.deadline = deadline_});
}

Awaitable<absl::StatusOr<v1::ActivityRecord>> ActivityClient::generation(const v1::GenerationQuery& request) {
  return unary_call(calls_, *stub_->async(), &Async::GetGeneration, request, {.deadline = deadline_});
}

Awaitable<absl::Status> ActivityClient::export_records(const v1::ExportQuery& request, RecordSink& sink) {
  const Executor executor = co_await asio::this_coro::executor;
  const CallOptions options;
  ReadStream<v1::ActivityRecord> stream(calls_, executor, *stub_->async(), &Async::Export, request, options);
  co_return co_await read_into(stream, sink);
}

grpc::ServerUnaryReactor* ActivityService::Query(grpc::CallbackServerContext* context, const v1::ActivityQuery* request,
                                                 v1::ActivityReply* reply) {
  return serve_unary_with_key(shards_.next(), *context, *request, reply, &Activity::query);
}

grpc::ServerUnaryReactor* ActivityService::Records(grpc::CallbackServerContext* context,
                                                   const v1::RecordsQuery* request, v1::RecordsReply* reply) {
  return serve_unary_with_key(shards_.next(), *context, *request, reply, &Activity::records);
}

grpc::ServerUnaryReactor* ActivityService::Sessions(grpc::CallbackServerContext* context,
                                                    const v1::SessionsQuery* request, v1::SessionsReply* reply) {
  return serve_unary_with_key(shards_.next(), *context, *request, reply, &Activity::sessions);
}

grpc::ServerUnaryReactor* ActivityService::GetGeneration(grpc::CallbackServerContext* context,
                                                         const v1::GenerationQuery* request,
                                                         v1::ActivityRecord* reply) {
  return serve_unary_with_key(shards_.next(), *context, *request, reply, &Activity::generation);
}

grpc::ServerWriteReactor<v1::ActivityRecord>* ActivityService::Export(grpc::CallbackServerContext* context,
                                                                      const v1::ExportQuery* request) {
  v1::ExportQuery asked = *request;
  absl::Status merged = merge_key(context->client_metadata(), asked);
  auto work = [asked = std::move(asked), merged = std::move(merged)](Activity& activity, RecordSink& sink) {
    return export_records(activity, asked, merged, sink);
  };
  if (request->follow())
    return serve_endless_stream<v1::ActivityRecord, RecordSink>(shards_.next(), context, following_, std::move(work));
  return serve_stream<v1::ActivityRecord, RecordSink>(shards_.next(), context, std::move(work));
}

}  // namespace tollgate
