// What has been read from a client and not been used yet: one contiguous, bounded piece of memory.
#pragma once

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <cstring>
#include <string_view>
#include <vector>

namespace tollgate {

class InputBuffer {
 public:
  explicit InputBuffer(std::size_t limit) : limit_(std::max(limit, kInitial)) {}

  std::string_view data() const { return {bytes_.data() + begin_, end_ - begin_}; }
  bool empty() const { return begin_ == end_; }
  bool full() const { return end_ - begin_ == limit_; }

  // Room for at least one more byte unless it is full; moves the data, so that earlier views end here.
  boost::asio::mutable_buffer free_space() {
    if (begin_ > 0) {
      std::memmove(bytes_.data(), bytes_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    if (end_ == bytes_.size())
      bytes_.resize(std::min(limit_, std::max(kInitial, 2 * bytes_.size())));
    return boost::asio::buffer(bytes_.data() + end_, bytes_.size() - end_);
  }
  void commit(std::size_t bytes) { end_ += bytes; }

  void consume(std::size_t bytes) {
    begin_ += bytes;
    if (begin_ == end_)
      begin_ = end_ = 0;
  }

 private:
  static constexpr std::size_t kInitial = 4096;
  std::size_t limit_;
  std::vector<char> bytes_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace tollgate
