// What the bodies of all requests under way hold of the process' memory.
#pragma once

#include <atomic>
#include <cstdint>

namespace tollgate {

// Any thread.
class BodyMemory {
 public:
  explicit BodyMemory(std::uint64_t limit) : limit_(limit) {}

  // False, and nothing is taken, when it would be more than the limit.
  bool take(std::uint64_t bytes) {
    if (taken_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= limit_)
      return true;
    give(bytes);
    return false;
  }
  // Whether `bytes` more would be too much now; takes nothing.
  bool full_for(std::uint64_t bytes) const { return taken() + bytes > limit_; }
  void give(std::uint64_t bytes) { taken_.fetch_sub(bytes, std::memory_order_relaxed); }
  std::uint64_t taken() const { return taken_.load(std::memory_order_relaxed); }

 private:
  const std::uint64_t limit_;
  std::atomic<std::uint64_t> taken_{0};
};

// One request's part; given back when it is destroyed. Outlived by `memory`.
class BodyShare {
 public:
  explicit BodyShare(BodyMemory& memory) : memory_(memory) {}
  BodyShare(const BodyShare&) = delete;
  BodyShare& operator=(const BodyShare&) = delete;
  ~BodyShare() { memory_.give(bytes_); }

  // Takes more until it holds `bytes`; false when there is no more.
  bool grow_to(std::uint64_t bytes) {
    if (bytes > bytes_) {
      if (!memory_.take(bytes - bytes_))
        return false;
      bytes_ = bytes;
    }
    return true;
  }

 private:
  BodyMemory& memory_;
  std::uint64_t bytes_ = 0;
};

}  // namespace tollgate
