// Shows the client of a stream at regular intervals that it stands, while the coroutine of the stream waits for what to
// write.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "services/common/async.h"

namespace tollgate {

// On one thread. Begins when it is made; stop() is awaited before it is destroyed, even by a cancelled coroutine.
class Heartbeat {
 public:
  // `beat` false: nobody listens any more, and it beats no more. What `beat` uses is there until stop() has returned.
  Heartbeat(const Executor& executor, std::chrono::milliseconds interval, std::function<Awaitable<bool>()> beat);

  // Ends a beat that is under way, and waits for its end.
  Awaitable<void> stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace tollgate
