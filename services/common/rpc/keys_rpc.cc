#include "services/common/rpc/keys_rpc.h"

#include "services/common/rpc/client.h"
#include "services/common/rpc/server.h"

namespace tollgate {

using Async = v1::Keys::StubInterface::async_interface;

KeysClient::KeysClient(std::shared_ptr<grpc::Channel> channel, std::chrono::milliseconds deadline)
    : stub_(v1::Keys::NewStub(channel)), deadline_(deadline) {}

Awaitable<absl::StatusOr<v1::CreateKeyReply>> KeysClient::create(const v1::CreateKeyRequest& request) {
  return unary_call(calls_, *stub_->async(), &Async::Create, request, {.deadline = deadline_});
}

Awaitable<absl::StatusOr<v1::ListKeysReply>> KeysClient::list(const v1::ListKeysRequest& request) {
  return unary_call(calls_, *stub_->async(), &Async::List, request, {.deadline = deadline_});
}

Awaitable<absl::StatusOr<v1::Key>> KeysClient::get(const v1::GetKeyRequest& request) {
  return unary_call(calls_, *stub_->async(), &Async::Get, request, {.deadline = deadline_});
}

Awaitable<absl::StatusOr<v1::Key>> KeysClient::update(const v1::UpdateKeyRequest& request) {
  return unary_call(calls_, *stub_->async(), &Async::Update, request, {.deadline = deadline_});
}

Awaitable<absl::StatusOr<v1::DeleteKeyReply>> KeysClient::remove(const v1::DeleteKeyRequest& request) {
  return unary_call(calls_, *stub_->async(), &Async::Delete, request, {.deadline = deadline_});
}

grpc::ServerUnaryReactor* KeysService::Create(grpc::CallbackServerContext* context, const v1::CreateKeyRequest* request,
                                              v1::CreateKeyReply* reply) {
  return serve_unary_with_key(shards_.next(), *context, *request, reply, &Keys::create);
}

grpc::ServerUnaryReactor* KeysService::List(grpc::CallbackServerContext* context, const v1::ListKeysRequest* request,
                                            v1::ListKeysReply* reply) {
  return serve_unary_with_key(shards_.next(), *context, *request, reply, &Keys::list);
}

grpc::ServerUnaryReactor* KeysService::Get(grpc::CallbackServerContext* context, const v1::GetKeyRequest* request,
                                           v1::Key* reply) {
  return serve_unary_with_key(shards_.next(), *context, *request, reply, &Keys::get);
}

grpc::ServerUnaryReactor* KeysService::Update(grpc::CallbackServerContext* context, const v1::UpdateKeyRequest* request,
                                              v1::Key* reply) {
  return serve_unary_with_key(shards_.next(), *context, *request, reply, &Keys::update);
}

grpc::ServerUnaryReactor* KeysService::Delete(grpc::CallbackServerContext* context, const v1::DeleteKeyRequest* request,
                                              v1::DeleteKeyReply* reply) {
  return serve_unary_with_key(shards_.next(), *context, *request, reply, &Keys::remove);
}

}  // namespace tollgate
