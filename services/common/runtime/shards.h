// The threads of a process: one io_context, run by one thread, for each shard.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

#include "services/common/async.h"

namespace tollgate {

class Shards {
 public:
  // `count` 0: one for each processor. The threads start with start().
  explicit Shards(std::size_t count);
  // Stops and joins.
  ~Shards();
  Shards(const Shards&) = delete;
  Shards& operator=(const Shards&) = delete;

  std::size_t size() const { return contexts_.size(); }
  asio::io_context& at(std::size_t index) { return *contexts_[index]; }
  // The index of a shard, each in turn. Any thread.
  std::size_t next() { return next_.fetch_add(1, std::memory_order_relaxed) % contexts_.size(); }

  void start();
  // Ends the loops, whatever is pending, and joins the threads. Not from a shard's own thread.
  void stop();

 private:
  std::vector<std::unique_ptr<asio::io_context>> contexts_;
  std::vector<asio::executor_work_guard<Executor>> guards_;
  std::vector<std::thread> threads_;
  std::atomic<std::size_t> next_{0};
};

}  // namespace tollgate
