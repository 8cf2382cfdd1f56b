// gRPC calls as coroutines, the calling side.
//
// Threads: a call belongs to the coroutine that makes it and resumes on that coroutine's executor, by a post; nothing
// of the caller runs on a thread of gRPC.
//
// Cancellation: cancelling the awaiting coroutine cancels the whole call. The coroutine resumes when gRPC has ended
// the call: with the result when that was faster, otherwise by throwing operation_aborted.
//
// Lifetime: the io_contexts of the callers outlive the `Calls` (the client) that their calls were made with.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <atomic>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "services/common/async.h"
#include "services/common/rpc/calls.h"
#include "services/common/rpc/status.h"

namespace tollgate {

struct CallOptions {
  // From the start of the call to its end, measured on the monotonic clock; 0: none. Passing it is DEADLINE_EXCEEDED
  // here, a cancellation there.
  std::chrono::milliseconds deadline{0};
  // Lower-case names.
  std::vector<std::pair<std::string, std::string>> metadata = {};
};

namespace detail {

template <class... Arguments>
using AwaitableHandler = typename asio::async_result<asio::use_awaitable_t<Executor>, void(Arguments...)>::handler_type;

void prepare(grpc::ClientContext& context, const CallOptions& options);

// Lets the cancellation of the coroutine behind `handler` cancel the call, until `handler` is invoked.
template <class Handler, class Context>
void cancel_with(const Handler& handler, Context& context) {
  auto slot = asio::get_associated_cancellation_slot(handler);
  if (slot.is_connected())
    slot.assign([&context](asio::cancellation_type) { context.TryCancel(); });
}

// Resumes the coroutine behind `handler` on its executor. The handler is owned by the queue, so that an io_context that
// is destroyed before it runs destroys the coroutine.
template <class Handler, class... Arguments>
void resume(Executor executor, Handler handler, Arguments... arguments) {
  asio::post(executor, [handler = std::move(handler), ... arguments = std::move(arguments)]() mutable {
    std::move(handler)(std::move(arguments)...);
  });
}

[[noreturn]] void throw_cancelled();

// The state of a unary call; stands in the frame of the coroutine that awaits it.
template <class Interface, class Request, class Reply>
class UnaryCall final : public Calls::Call {
 public:
  using Method = void (Interface::*)(grpc::ClientContext*, const Request*, Reply*, std::function<void(grpc::Status)>);

  UnaryCall(Calls& calls, Executor executor) : calls_(calls), executor_(std::move(executor)) {}

  Awaitable<grpc::Status> run(Interface& stub, Method method, const Request& request, const CallOptions& options) {
    prepare(context_, options);
    auto start = [this, &stub, method, &request](AwaitableHandler<grpc::Status> handler) {
      cancel_with(handler, context_);
      handler_.emplace(std::move(handler));
      calls_.enter(*this);
      (stub.*method)(&context_, &request, &reply_, [this](grpc::Status status) { done(std::move(status)); });
    };
    return asio::async_initiate<const asio::use_awaitable_t<Executor>, void(grpc::Status)>(start, use_awaitable);
  }

  Reply& reply() { return reply_; }

 private:
  void abandon() override { context_.TryCancel(); }

  void done(grpc::Status status) {
    Calls& calls = calls_;
    calls.leave(*this);
    AwaitableHandler<grpc::Status> handler = std::move(*handler_);
    // From here on the coroutine, and this object with it, may be gone.
    resume(executor_, std::move(handler), std::move(status));
    calls.posted();
  }

  Calls& calls_;
  const Executor executor_;
  grpc::ClientContext context_;
  Reply reply_;
  std::optional<AwaitableHandler<grpc::Status>> handler_;
};

}  // namespace detail

// One request, one reply. `request` and `stub` outlive the call.
//   co_await unary_call(calls, *stub->async(), &v1::Ledger::StubInterface::async_interface::Reserve, request, options)
template <class Interface, class Request, class Reply>
Awaitable<absl::StatusOr<Reply>> unary_call(Calls& calls, std::type_identity_t<Interface>& stub,
                                            void (Interface::*method)(grpc::ClientContext*, const Request*, Reply*,
                                                                      std::function<void(grpc::Status)>),
                                            const Request& request, CallOptions options) {
  const Executor executor = co_await asio::this_coro::executor;
  detail::UnaryCall<Interface, Request, Reply> call(calls, executor);
  const grpc::Status status = co_await call.run(stub, method, request, options);
  if (status.ok())
    co_return std::move(call.reply());
  const asio::cancellation_state cancellation = co_await asio::this_coro::cancellation_state;
  if (cancellation.cancelled() != asio::cancellation_type::none)
    detail::throw_cancelled();
  co_return from_grpc(status);
}

// The reading end of a server stream. At most one message is asked for at a time, and only when read() is called: that
// is the credit that holds back the writer.
template <class Message>
class ReadStream {
 public:
  // Starts the call. `request` is needed for this constructor only.
  template <class Interface, class Request>
  ReadStream(Calls& calls, Executor executor, std::type_identity_t<Interface>& stub,
             void (Interface::*method)(grpc::ClientContext*, const Request*, grpc::ClientReadReactor<Message>*),
             const Request& request, const CallOptions& options)
      : state_(std::make_shared<State>(calls, std::move(executor))) {
    detail::prepare(state_->context, options);
    (stub.*method)(&state_->context, &request, state_.get());
    state_->start(state_);
  }
  ReadStream(const ReadStream&) = delete;
  ReadStream& operator=(const ReadStream&) = delete;

  // A stream that was not read to its end is cancelled.
  ~ReadStream() {
    if (state_->held)
      state_->abandon();
  }

  // True: `message` is the next one. False: there is none, finish() tells why. One read at a time; `message` outlives
  // it. Cancellation of the coroutine makes it false.
  Awaitable<bool> read(Message& message) {
    auto start = [state = state_.get(), &message](detail::AwaitableHandler<bool> handler) {
      // The client is gone, and gRPC's part of the call with it.
      if (!state->held)
        return detail::resume(state->executor, std::move(handler), false);
      detail::cancel_with(handler, state->context);
      state->reader.emplace(std::move(handler));
      state->StartRead(&message);
    };
    return asio::async_initiate<const asio::use_awaitable_t<Executor>, void(bool)>(start, use_awaitable);
  }

  // Any number of times, at any time.
  void cancel() { state_->context.TryCancel(); }

  // Waits for the end of the call and says how it ended. The last thing done with it; no read is outstanding.
  Awaitable<grpc::Status> finish() {
    auto start = [state = state_.get()](detail::AwaitableHandler<grpc::Status> handler) {
      detail::cancel_with(handler, state->context);
      state->finisher.emplace(std::move(handler));
      state->release();
      if (state->phase.exchange(Phase::kAwaited) == Phase::kDone)
        state->resume_finisher();
    };
    return asio::async_initiate<const asio::use_awaitable_t<Executor>, void(grpc::Status)>(start, use_awaitable);
  }

 private:
  enum class Phase { kRunning, kAwaited, kDone };

  // What gRPC refers to: lives until OnDone, and as long as the ReadStream.
  struct State final : grpc::ClientReadReactor<Message>, Calls::Call {
    State(Calls& owner, Executor caller) : calls(owner), executor(std::move(caller)) {}

    void start(std::shared_ptr<State> itself) {
      self = std::move(itself);
      calls.enter(*this);
      // Reads start outside of gRPC's callbacks, so it must not end the call between two of them.
      this->AddHold();
      this->StartCall();
    }

    void release() {
      if (std::exchange(held, false))
        this->RemoveHold();
    }

    void abandon() override {
      context.TryCancel();
      release();
    }

    void resume_finisher() {
      detail::AwaitableHandler<grpc::Status> handler = std::move(*finisher);
      detail::resume(executor, std::move(handler), status);
    }

    void OnReadDone(bool ok) override {
      detail::AwaitableHandler<bool> handler = std::move(*reader);
      detail::resume(executor, std::move(handler), ok);
    }

    void OnDone(const grpc::Status& result) override {
      Calls& owner = calls;
      status = result;
      owner.leave(*this);
      if (phase.exchange(Phase::kDone) == Phase::kAwaited)
        resume_finisher();
      // This may be the end of *this. It comes while the client still holds the channel: the context must not be the
      // last to do so, because gRPC would wait on this thread for this thread.
      self.reset();
      owner.posted();
    }

    Calls& calls;
    const Executor executor;
    grpc::ClientContext context;
    grpc::Status status;
    std::optional<detail::AwaitableHandler<bool>> reader;
    std::optional<detail::AwaitableHandler<grpc::Status>> finisher;
    std::atomic<Phase> phase{Phase::kRunning};
    bool held = true;
    std::shared_ptr<State> self;
  };

  std::shared_ptr<State> state_;
};

// Reads a stream into a sink (anything with `Awaitable<absl::Status> write(Message)`), one message after the other, and
// returns the status of the call. When the sink refuses a message the call is cancelled and the refusal returned. The
// call has ended when this returns or throws.
template <class Message, class Sink>
Awaitable<absl::Status> read_into(ReadStream<Message>& stream, Sink& sink) {
  absl::Status refusal;
  std::exception_ptr thrown;
  try {
    Message message;
    while (co_await stream.read(message)) {
      refusal = co_await sink.write(std::move(message));
      if (!refusal.ok())
        break;
    }
  } catch (...) {
    thrown = std::current_exception();
  }
  if (thrown || !refusal.ok())
    stream.cancel();
  // A cancelled coroutine, too, waits for the end.
  const bool throwing = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  const grpc::Status status = co_await stream.finish();
  co_await asio::this_coro::throw_if_cancelled(throwing);
  if (thrown)
    std::rethrow_exception(thrown);
  if (!refusal.ok() || status.ok())
    co_return refusal;
  const asio::cancellation_state cancellation = co_await asio::this_coro::cancellation_state;
  if (cancellation.cancelled() != asio::cancellation_type::none)
    detail::throw_cancelled();
  co_return from_grpc(status);
}

}  // namespace tollgate
