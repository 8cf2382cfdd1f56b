// Streams that have no end of their own, such as an export that follows: a server that is drained does not wait for
// them.
#pragma once

#include <functional>
#include <list>
#include <mutex>

namespace tollgate {

// A base of services that have such streams.
class EndlessStreams {
 public:
  virtual ~EndlessStreams() = default;
  // Any thread: those that run are ended, their callers get UNAVAILABLE, or CANCELLED where a record was just on its
  // way to them, and may go on at another server; so are those that begin afterwards.
  virtual void end_streams() = 0;
};

// The streams of one service that run. Any thread.
class StreamEnds {
 public:
  using Place = std::list<std::function<void()>>::iterator;

  // `end` ends the stream; it is called under a lock, at most once, and here and now when streams are over.
  Place add(std::function<void()> end) {
    const std::lock_guard lock(mutex_);
    if (over_)
      end();
    return ends_.insert(ends_.end(), std::move(end));
  }
  void remove(Place place) {
    const std::lock_guard lock(mutex_);
    ends_.erase(place);
  }
  void end_all() {
    const std::lock_guard lock(mutex_);
    over_ = true;
    for (const std::function<void()>& end : ends_)
      end();
  }

 private:
  std::mutex mutex_;
  std::list<std::function<void()>> ends_;
  bool over_ = false;
};

}  // namespace tollgate
