// gRPC calls as coroutines, the serving side: what a method of a generated CallbackService returns.
//
// Threads: the implementation runs on the executor of its shard; gRPC's threads only spawn it and post to it.
//
// Ends: gRPC is answered exactly once, when the implementation has returned and its frames are gone. An implementation
// that throws answers INTERNAL, one that was cancelled CANCELLED.
//
// Cancellation: a caller that cancels, vanishes or runs out of time cancels the coroutine (terminal), which answers as
// soon as it has unwound. A server is shut down only when every coroutine has: the shards run until then.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "services/common/async.h"
#include "services/common/rpc/call_metrics.h"
#include "services/common/rpc/client.h"
#include "services/common/rpc/endless_streams.h"
#include "services/common/rpc/metadata.h"
#include "services/common/rpc/shard.h"
#include "services/common/rpc/status.h"

namespace tollgate {
namespace detail {

// The status of a call whose implementation let `thrown` escape; logs what it is.
absl::Status status_of_exception(const std::exception_ptr& thrown, bool cancelled);
// That of a call which the server has ended.
absl::Status status_of_end();

// One call: the reactor that gRPC refers to until OnDone and, by the shared pointer, the coroutine until it has ended.
template <class Reactor>
class ServerCall : public Reactor {
 public:
  // Once, before the reactor is given to gRPC. `run` gives the status to answer with.
  template <class Run>
  static void spawn(const std::shared_ptr<ServerCall>& call, Run run) {
    call->self_ = call;
    // The slot's memory is the signal's: the call outlives the coroutine because the completion handler holds it.
    auto completion =
        asio::bind_cancellation_slot(call->signal_.slot(), [call](std::exception_ptr thrown, absl::Status status) {
          call->finished_ = true;
          if (call->ended_)
            status = status_of_end();
          else if (thrown)
            status = status_of_exception(thrown, call->cancelled_);
          count_call_end(status);
          call->Finish(to_grpc(status));
        });
    count_call_begin();
    asio::co_spawn(call->executor_, std::move(run), std::move(completion));
  }

  void OnCancel() final {
    asio::post(executor_, [call = self_] {
      if (call->finished_)
        return;
      call->cancelled_ = true;
      call->signal_.emit(asio::cancellation_type::terminal);
    });
  }

  void OnDone() final {
    if (ends_ != nullptr)
      ends_->remove(end_);
    self_.reset();
  }

  // After spawn(), before the reactor is given to gRPC: when `ends` says so, the call is answered with UNAVAILABLE as
  // soon as its coroutine has unwound; with CANCELLED if a write had to be broken off for that.
  static void end_with(StreamEnds& ends, const std::shared_ptr<ServerCall>& call) {
    call->ends_ = &ends;
    call->end_ = ends.add([call] { asio::post(call->executor_, [call] { call->end(); }); });
  }

 protected:
  explicit ServerCall(Executor executor) : executor_(std::move(executor)) {}

  const Executor executor_;

 private:
  void end() {
    if (finished_ || cancelled_)
      return;
    ended_ = true;
    signal_.emit(asio::cancellation_type::terminal);
  }

  StreamEnds* ends_ = nullptr;
  StreamEnds::Place end_;
  asio::cancellation_signal signal_;
  bool cancelled_ = false;
  bool ended_ = false;
  bool finished_ = false;
  std::shared_ptr<ServerCall> self_;
};

class UnaryServerCall final : public ServerCall<grpc::ServerUnaryReactor> {
 public:
  explicit UnaryServerCall(Executor executor) : ServerCall(std::move(executor)) {}
};

// The writing end of a stream, as the sink that its implementation writes to.
template <class Message, class Sink>
class StreamServerCall final : public ServerCall<grpc::ServerWriteReactor<Message>>, public Sink {
 public:
  StreamServerCall(Executor executor, grpc::CallbackServerContext& context)
      : ServerCall<grpc::ServerWriteReactor<Message>>(std::move(executor)), context_(context) {}

  // One at a time. Completes when gRPC has taken the message and its peer has credit for the next one.
  Awaitable<absl::Status> write(Message message) override {
    message_ = std::move(message);
    auto start = [this](AwaitableHandler<absl::Status> handler) {
      cancel_with(handler, context_);
      writer_.emplace(std::move(handler));
      this->StartWrite(&message_);
    };
    return asio::async_initiate<const asio::use_awaitable_t<Executor>, void(absl::Status)>(start, use_awaitable);
  }

  void OnWriteDone(bool ok) override {
    // A stream may be silent for long: it keeps no memory meanwhile.
    message_.Clear();
    AwaitableHandler<absl::Status> handler = std::move(*writer_);
    resume(this->executor_, std::move(handler), ok ? absl::OkStatus() : absl::CancelledError("The caller is gone."));
  }

 private:
  grpc::CallbackServerContext& context_;
  Message message_;
  std::optional<AwaitableHandler<absl::Status>> writer_;
};

template <class Reply>
Awaitable<absl::StatusOr<Reply>> refused(absl::Status status) {
  co_return status;
}

template <class Interface, class Reply, class Work>
Awaitable<absl::Status> run_unary(const Shard<Interface>& shard, Reply& reply, Work& work) {
  absl::StatusOr<Reply> result = co_await work(*shard.implementation);
  if (!result.ok())
    co_return result.status();
  reply = *std::move(result);
  co_return absl::OkStatus();
}

}  // namespace detail

// Serves one unary call. `work` is `Awaitable<absl::StatusOr<Reply>>(Interface&)` and lives as long as the call; so do
// the request and the reply that gRPC gave. `shard` outlives the call.
template <class Interface, class Reply, class Work>
grpc::ServerUnaryReactor* serve_unary(const Shard<Interface>& shard, Reply* reply, Work work) {
  auto call = std::make_shared<detail::UnaryServerCall>(shard.executor);
  call->spawn(call,
              [&shard, reply, work = std::move(work)]() mutable { return detail::run_unary(shard, *reply, work); });
  return call.get();
}

// The same for a method that takes the request as it is.
template <class Interface, class Request, class Reply>
grpc::ServerUnaryReactor* serve_unary(const Shard<Interface>& shard, const Request* request, Reply* reply,
                                      Awaitable<absl::StatusOr<Reply>> (Interface::*method)(const Request&)) {
  return serve_unary(shard, reply,
                     [request, method](Interface& implementation) { return (implementation.*method)(*request); });
}

// The same for a request whose key (`api_key`) may stand in the metadata.
template <class Interface, class Request, class Reply>
grpc::ServerUnaryReactor* serve_unary_with_key(const Shard<Interface>& shard,
                                               const grpc::CallbackServerContext& context, Request request,
                                               Reply* reply,
                                               Awaitable<absl::StatusOr<Reply>> (Interface::*method)(const Request&)) {
  absl::Status status = merge_key(context.client_metadata(), request);
  return serve_unary(shard, reply,
                     [request = std::move(request), status = std::move(status), method](Interface& implementation) {
                       return status.ok() ? (implementation.*method)(request) : detail::refused<Reply>(status);
                     });
}

// Serves one call with a stream of replies. `work` is `Awaitable<absl::Status>(Interface&, Sink&)`; `Sink` is an
// abstract class with `Awaitable<absl::Status> write(Message)`.
template <class Message, class Sink, class Interface, class Work>
grpc::ServerWriteReactor<Message>* serve_stream(const Shard<Interface>& shard, grpc::CallbackServerContext* context,
                                                Work work) {
  auto call = std::make_shared<detail::StreamServerCall<Message, Sink>>(shard.executor, *context);
  Sink& sink = *call;
  call->spawn(call, [&shard, &sink, work = std::move(work)]() mutable { return work(*shard.implementation, sink); });
  return call.get();
}

// The same for a stream without an end of its own, which `ends`, that outlives the call, may end.
template <class Message, class Sink, class Interface, class Work>
grpc::ServerWriteReactor<Message>* serve_endless_stream(const Shard<Interface>& shard,
                                                        grpc::CallbackServerContext* context, StreamEnds& ends,
                                                        Work work) {
  auto call = std::make_shared<detail::StreamServerCall<Message, Sink>>(shard.executor, *context);
  Sink& sink = *call;
  call->spawn(call, [&shard, &sink, work = std::move(work)]() mutable { return work(*shard.implementation, sink); });
  call->end_with(ends, call);
  return call.get();
}

}  // namespace tollgate
