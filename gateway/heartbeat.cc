#include "gateway/heartbeat.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <utility>

namespace tollgate {

struct Heartbeat::State {
  State(const Executor& executor, std::chrono::milliseconds time, std::function<Awaitable<bool>()> one)
      : interval(time), beat(std::move(one)), timer(executor), ended(executor, Timer::time_point::max()) {}

  static Awaitable<void> run(std::shared_ptr<State> state) {
    bool heard = true;
    while (heard) {
      state->timer.expires_after(state->interval);
      co_await state->timer.async_wait(use_awaitable);
      heard = co_await state->beat();
    }
  }

  const std::chrono::milliseconds interval;
  const std::function<Awaitable<bool>()> beat;
  asio::cancellation_signal signal;
  Timer timer;
  // Never expires: cancelled when it has ended.
  Timer ended;
  bool running = true;
};

Heartbeat::Heartbeat(const Executor& executor, std::chrono::milliseconds interval,
                     std::function<Awaitable<bool>()> beat)
    : state_(std::make_shared<State>(executor, interval, std::move(beat))) {
  // The slot's memory is the signal's: the completion handler keeps the state until the coroutine has ended.
  auto completion = asio::bind_cancellation_slot(state_->signal.slot(), [state = state_](std::exception_ptr) {
    // An exception is a cancellation, or a client that is gone: the stream's own coroutine will find out.
    state->running = false;
    state->ended.cancel();
  });
  asio::co_spawn(executor, State::run(state_), std::move(completion));
}

Awaitable<void> Heartbeat::stop() {
  state_->signal.emit(asio::cancellation_type::terminal);
  while (state_->running)
    co_await state_->ended.async_wait(as_tuple);
}

}  // namespace tollgate
