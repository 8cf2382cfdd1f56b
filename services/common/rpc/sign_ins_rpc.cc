#include "services/common/rpc/sign_ins_rpc.h"

#include "services/common/rpc/client.h"
#include "services/common/rpc/server.h"

namespace tollgate {

using Async = v1::SignIns::StubInterface::async_interface;

SignInsClient::SignInsClient(std::shared_ptr<grpc::Channel> channel, std::chrono::milliseconds deadline)
    : stub_(v1::SignIns::NewStub(channel)), deadline_(deadline) {}

Awaitable<absl::StatusOr<v1::CreateSignInReply>> SignInsClient::create(const v1::CreateSignInRequest& request) {
  return unary_call(calls_, *stub_->async(), &Async::Create, request, {.deadline = deadline_});
}

Awaitable<absl::StatusOr<v1::DeleteSignInReply>> SignInsClient::remove(const v1::DeleteSignInRequest& request) {
  return unary_call(calls_, *stub_->async(), &Async::Delete, request, {.deadline = deadline_});
}

grpc::ServerUnaryReactor* SignInsService::Create(grpc::CallbackServerContext*, const v1::CreateSignInRequest* request,
                                                 v1::CreateSignInReply* reply) {
  return serve_unary(shards_.next(), request, reply, &SignIns::create);
}

grpc::ServerUnaryReactor* SignInsService::Delete(grpc::CallbackServerContext*, const v1::DeleteSignInRequest* request,
                                                 v1::DeleteSignInReply* reply) {
  return serve_unary(shards_.next(), request, reply, &SignIns::remove);
}

}  // namespace tollgate
