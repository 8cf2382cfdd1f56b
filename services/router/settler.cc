#include "services/router/settler.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "services/common/base/log.h"

namespace tollgate::router {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstPause{50};
constexpr milliseconds kLongestPause{2000};
constexpr milliseconds kHurry{2000};
// No money is at stake: about 700 ms in sum.
constexpr int kMostNoteAttempts = 4;
// About 40 s in sum. Later the lease has run out, or soon does.
constexpr int kMostReleaseAttempts = 25;

// The ledger has understood the request and refuses it: sending it again changes nothing.
bool is_final(absl::StatusCode code) {
  return code == absl::StatusCode::kInvalidArgument || code == absl::StatusCode::kNotFound ||
         code == absl::StatusCode::kUnimplemented;
}

}  // namespace

void Settler::settle(v1::SettleRequest request) {
  if (metrics_ != nullptr)
    metrics_->settled(request);
  ++pending_;
  asio::co_spawn(context_.get_executor(), deliver(std::move(request)), asio::detached);
}

Awaitable<void> Settler::deliver(v1::SettleRequest request) {
  const Counted pending(pending_settlements());
  Timer timer(context_);
  milliseconds pause = kFirstPause;
  for (int attempt = 1;; ++attempt) {
    const absl::StatusOr<v1::SettleReply> reply = co_await ledger_.settle(request);
    if (reply.ok()) {
      if (attempt > 1)
        Log(spdlog::level::info, "settled_late")
            .with("generation_id", request.generation_id())
            .with("attempts", attempt);
      break;
    }
    const std::string why(reply.status().message());
    if (is_final(reply.status().code())) {
      Log(spdlog::level::err, "settle_refused")
          .with("generation_id", request.generation_id())
          .with("cost_nano_usd", request.cost_nano_usd())
          .with("error", why);
      break;
    }
    if (attempt == 1)
      Log(spdlog::level::warn, "settle_waits").with("generation_id", request.generation_id()).with("error", why);
    timer.expires_after(pause);
    co_await timer.async_wait(as_tuple);
    pause = std::min(2 * pause, kLongestPause);
  }
  --pending_;
}

void Settler::note(v1::ActivityRecord record, bool unanswered) {
  if (metrics_ != nullptr)
    metrics_->refused(record);
  if (notes_ >= kMostNotes)
    return;
  ++pending_;
  ++notes_;
  const int most_attempts = unanswered ? kMostReleaseAttempts : kMostNoteAttempts;
  asio::co_spawn(context_.get_executor(), deliver_note(std::move(record), most_attempts), asio::detached);
}

Awaitable<void> Settler::deliver_note(v1::ActivityRecord record, int most_attempts) {
  Timer timer(context_);
  milliseconds pause = kFirstPause;
  for (int attempt = 1;; ++attempt) {
    const absl::StatusOr<v1::NoteReply> reply = co_await ledger_.note(record);
    if (reply.ok())
      break;
    if (is_final(reply.status().code()) || attempt == most_attempts) {
      Log(spdlog::level::warn, "record_lost")
          .with("generation_id", record.generation_id())
          .with("error", std::string(reply.status().message()));
      break;
    }
    timer.expires_after(pause);
    co_await timer.async_wait(as_tuple);
    pause = std::min(2 * pause, kLongestPause);
  }
  --pending_;
  --notes_;
}

Awaitable<bool> Settler::settled(milliseconds limit, std::stop_token haste) {
  auto end = SteadyClock::now() + limit;
  bool hurries = false;
  Timer timer(context_);
  while (pending_ > 0 && SteadyClock::now() < end) {
    if (!hurries && haste.stop_requested()) {
      hurries = true;
      end = std::min(end, SteadyClock::now() + kHurry);
    }
    timer.expires_after(milliseconds(10));
    co_await timer.async_wait(as_tuple);
  }
  co_return pending_ == 0;
}

}  // namespace tollgate::router
