#include "services/common/rpc/marks_rpc.h"

#include "services/common/rpc/client.h"
#include "services/common/rpc/server.h"

namespace tollgate {

using Async = v1::Marks::StubInterface::async_interface;

MarksClient::MarksClient(std::shared_ptr<grpc::Channel> channel, std::chrono::milliseconds deadline)
    : stub_(v1::Marks::NewStub(channel)), deadline_(deadline) {}

Awaitable<absl::StatusOr<v1::ReportMarksReply>> MarksClient::report(const v1::ReportMarksRequest& request) {
  return unary_call(calls_, *stub_->async(), &Async::Report, request, {.deadline = deadline_});
}

Awaitable<absl::StatusOr<v1::ReadMarksReply>> MarksClient::read(const v1::ReadMarksRequest& request) {
  return unary_call(calls_, *stub_->async(), &Async::Read, request, {.deadline = deadline_});
}

grpc::ServerUnaryReactor* MarksService::Report(grpc::CallbackServerContext*, const v1::ReportMarksRequest* request,
                                               v1::ReportMarksReply* reply) {
  return serve_unary(shards_.next(), request, reply, &Marks::report);
}

grpc::ServerUnaryReactor* MarksService::Read(grpc::CallbackServerContext*, const v1::ReadMarksRequest* request,
                                             v1::ReadMarksReply* reply) {
  return serve_unary(shards_.next(), request, reply, &Marks::read);
}

}  // namespace tollgate
