#include "services/router/drains.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <optional>

#include "services/common/base/errors.h"
#include "services/common/base/log.h"

namespace tollgate::router {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLook{10};
// What an aborted attempt takes to unwind.
constexpr milliseconds kUnwind{1000};

// Wakes the one coroutine that waits for a change.
class Change {
 public:
  explicit Change(asio::io_context& context) : timer_(context, SteadyClock::time_point::max()) {}

  void tell() { timer_.cancel(); }
  // Also returns without a change: the condition is to be looked at again.
  Awaitable<void> wait() { co_await timer_.async_wait(as_tuple); }

 private:
  Timer timer_;
};

}  // namespace

// Two coroutines share it: the upstream's, which writes frames into it, and the client's, which takes them out one by
// one. The first outlives the second when the client leaves.
class Drains::Attempt : public Hook, public FrameSink, public std::enable_shared_from_this<Drains::Attempt> {
 public:
  Attempt(asio::io_context& context, std::shared_ptr<const v1::SendRequest> request, std::shared_ptr<Account> account)
      : request_(std::move(request)),
        account_(std::move(account)),
        offered_(context),
        taken_(context),
        deadline_(context) {}

  void start(Drains& owner) {
    auto ended = [self = shared_from_this()](std::exception_ptr thrown, absl::Status status) {
      self->end(thrown ? error(v1::Failure::KIND_INTERNAL, "The attempt broke off.") : std::move(status));
    };
    asio::co_spawn(owner.context_.get_executor(), owner.adapter_.send(*request_, *this),
                   asio::bind_cancellation_slot(abort_.slot(), std::move(ended)));
  }

  // The upstream's side. Waits until the client has taken the frame: that is the backpressure.
  Awaitable<absl::Status> write(v1::Frame frame) override {
    account_->note(frame);
    if (attached_)
      frame_ = std::move(frame);
    offered_.tell();
    while (attached_ && frame_)
      co_await taken_.wait();
    co_return absl::OkStatus();
  }

  // The client's side.
  Awaitable<absl::Status> relay_to(FrameSink& client) {
    while (frame_ || !ended_) {
      if (!frame_) {
        co_await offered_.wait();
        continue;
      }
      const absl::Status status = co_await client.write(std::move(*frame_));
      if (!status.ok())
        co_return status;
      frame_.reset();
      taken_.tell();
    }
    collected_ = true;
    co_return result_;
  }

  // The client's coroutine is over.
  void detach(Drains& owner) {
    attached_ = false;
    frame_.reset();
    if (collected_)
      return;
    if (ended_)
      return account_->settle_drained();
    if (owner.running() >= owner.options_.streams)
      return abort("limits.drained_streams");
    owner.running_.push_back(*this);
    drained_.emplace(drained_streams());
    taken_.tell();
    deadline_.expires_after(owner.options_.time);
    deadline_.async_wait([self = shared_from_this()](error_code failed) {
      if (!failed && !self->ended_)
        self->abort("timeouts.abandoned_ms");
    });
  }

  // Settles it by what is known, and ends the request upstream.
  void abort(std::string_view why) {
    Log(spdlog::level::warn, "drain_aborted")
        .with("generation_id", account_->generation_id())
        .with("reason", std::string(why));
    settle();
    abort_.emit(asio::cancellation_type::terminal);
  }

  void settle() { account_->settle_left(); }

 private:
  void end(absl::Status status) {
    ended_ = true;
    result_ = std::move(status);
    deadline_.cancel();
    offered_.tell();
    if (is_linked())
      unlink();
    drained_.reset();
    if (!attached_)
      account_->settle_drained();
  }

  const std::shared_ptr<const v1::SendRequest> request_;
  const std::shared_ptr<Account> account_;
  asio::cancellation_signal abort_;
  // There is a frame, or the end.
  Change offered_;
  // There is none any more, or nobody who takes it.
  Change taken_;
  Timer deadline_;
  std::optional<v1::Frame> frame_;
  std::optional<Counted> drained_;
  absl::Status result_;
  bool attached_ = true;
  bool ended_ = false;
  bool collected_ = false;
};

namespace {

// Runs when the client's coroutine leaves, by whatever way.
template <class Leave>
class OnLeave {
 public:
  explicit OnLeave(Leave leave) : leave_(std::move(leave)) {}
  ~OnLeave() { leave_(); }
  OnLeave(const OnLeave&) = delete;
  OnLeave& operator=(const OnLeave&) = delete;

 private:
  Leave leave_;
};

}  // namespace

Drains::Drains(asio::io_context& context, ProviderAdapter& adapter, DrainOptions options)
    : context_(context), adapter_(adapter), options_(options) {}

Drains::~Drains() {
  for (Attempt& attempt : running_)
    attempt.settle();
}

std::size_t Drains::running() const {
  return running_.size();
}

Awaitable<absl::Status> Drains::send(std::shared_ptr<const v1::SendRequest> request, std::shared_ptr<Account> account,
                                     FrameSink& client) {
  const auto attempt = std::make_shared<Attempt>(context_, std::move(request), std::move(account));
  attempt->start(*this);
  auto leave = [this, attempt] { attempt->detach(*this); };
  const OnLeave guard(std::move(leave));
  co_return co_await attempt->relay_to(client);
}

Awaitable<void> Drains::finish(SteadyClock::time_point until, std::stop_token haste) {
  Timer timer(context_);
  while (!running_.empty() && SteadyClock::now() < until && !haste.stop_requested()) {
    timer.expires_after(kLook);
    co_await timer.async_wait(as_tuple);
  }
  for (auto next = running_.begin(); next != running_.end();) {
    Attempt& attempt = *next++;
    attempt.abort("timeouts.drain_ms");
  }
  const auto unwound = SteadyClock::now() + kUnwind;
  while (!running_.empty() && SteadyClock::now() < unwound) {
    timer.expires_after(kLook);
    co_await timer.async_wait(as_tuple);
  }
}

}  // namespace tollgate::router
