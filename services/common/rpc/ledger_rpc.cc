#include "services/common/rpc/ledger_rpc.h"

#include "services/common/base/errors.h"
#include "services/common/rpc/client.h"
#include "services/common/rpc/server.h"

namespace tollgate {

using Async = v1::Ledger::StubInterface::async_interface;

namespace {

// Between attempts to reserve: about 600 ms in sum, in which gRPC has found a replica that lives.
constexpr std::chrono::milliseconds kFirstPause{20};
constexpr std::chrono::milliseconds kLastPause{320};

}  // namespace

LedgerClient::LedgerClient(std::shared_ptr<grpc::Channel> channel, std::chrono::milliseconds deadline)
    : stub_(v1::Ledger::NewStub(channel)), deadline_(deadline) {}

// A replica that dies takes the request with it, or only the reply: another one finds the hold, or takes it.
Awaitable<absl::StatusOr<v1::ReserveReply>> LedgerClient::reserve(const v1::ReserveRequest& request) {
  Timer timer(co_await asio::this_coro::executor);
  for (std::chrono::milliseconds pause = kFirstPause;; pause *= 2) {
    absl::StatusOr<v1::ReserveReply> reply =
        co_await unary_call(calls_, *stub_->async(), &Async::Reserve, request, {.deadline = deadline_});
    const bool lost = reply.status().code() == absl::StatusCode::kUnavailable && !carries_failure(reply.status());
    if (!lost || pause > kLastPause)
      co_return reply;
    timer.expires_after(pause);
    co_await timer.async_wait(as_tuple);
  }
}

Awaitable<absl::StatusOr<v1::CheckpointReply>> LedgerClient::checkpoint(const v1::CheckpointRequest& request) {
  return unary_call(calls_, *stub_->async(), &Async::Checkpoint, request, {.deadline = deadline_});
}

Awaitable<absl::StatusOr<v1::SettleReply>> LedgerClient::settle(const v1::SettleRequest& request) {
  return unary_call(calls_, *stub_->async(), &Async::Settle, request, {.deadline = deadline_});
}

Awaitable<absl::StatusOr<v1::NoteReply>> LedgerClient::note(const v1::ActivityRecord& record) {
  return unary_call(calls_, *stub_->async(), &Async::Note, record, {.deadline = deadline_});
}

grpc::ServerUnaryReactor* LedgerService::Reserve(grpc::CallbackServerContext*, const v1::ReserveRequest* request,
                                                 v1::ReserveReply* reply) {
  return serve_unary(shards_.next(), request, reply, &Ledger::reserve);
}

grpc::ServerUnaryReactor* LedgerService::Checkpoint(grpc::CallbackServerContext*, const v1::CheckpointRequest* request,
                                                    v1::CheckpointReply* reply) {
  return serve_unary(shards_.next(), request, reply, &Ledger::checkpoint);
}

grpc::ServerUnaryReactor* LedgerService::Settle(grpc::CallbackServerContext*, const v1::SettleRequest* request,
                                                v1::SettleReply* reply) {
  return serve_unary(shards_.next(), request, reply, &Ledger::settle);
}

grpc::ServerUnaryReactor* LedgerService::Note(grpc::CallbackServerContext*, const v1::ActivityRecord* record,
                                              v1::NoteReply* reply) {
  return serve_unary(shards_.next(), record, reply, &Ledger::note);
}

}  // namespace tollgate
