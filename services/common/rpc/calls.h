// The calls of one client that gRPC has not finished yet: what makes it safe to destroy a client and, after it, the
// io_contexts of its coroutines.
#pragma once

#include <boost/intrusive/list.hpp>
#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace tollgate {

class Calls {
 public:
  class Call : public boost::intrusive::list_base_hook<> {
   public:
    // Makes gRPC end the call soon, whether or not its coroutine ever runs again.
    virtual void abandon() = 0;

   protected:
    ~Call() = default;
  };

  Calls() = default;
  Calls(const Calls&) = delete;
  Calls& operator=(const Calls&) = delete;

  // Abandons what is outstanding and blocks until gRPC is done with it: milliseconds at most. Not while a coroutine
  // that uses the client may be running: on the thread of its shard, or when the shards have stopped.
  ~Calls();

  // A call begins. Any thread, as all that follows.
  void enter(Call& call);
  // gRPC is done with the call, which is not touched any more; its coroutine has not been resumed yet.
  void leave(Call& call);
  // The coroutine's resumption has been posted, and gRPC's thread holds nothing of the call or its io_context any more.
  void posted();

 private:
  std::mutex mutex_;
  std::condition_variable none_;
  std::size_t outstanding_ = 0;
  boost::intrusive::list<Call> list_;
};

}  // namespace tollgate
