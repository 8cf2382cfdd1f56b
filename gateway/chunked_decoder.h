// Incremental decoder of the chunked transfer coding, strict: CR LF only, at most 256 bytes of extensions a chunk and
// 16 KiB in all, no trailers.
// Source: RFC 9112, section 7.1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tollgate {

class ChunkedDecoder {
 public:
  enum class State { kMore, kDone, kBad, kTooLarge };

  // A body of more than `limit` bytes is too large.
  explicit ChunkedDecoder(std::uint64_t limit) : limit_(limit) {}

  // Appends the data found in `in` to `body` and returns how many bytes of `in` were used: all of them, or, once the
  // state is kDone, those up to the end of the body. Nothing behind an error may be read.
  std::size_t feed(std::string_view in, std::string& body);

  State state() const { return state_; }

 private:
  enum class Step { kSize, kExtension, kSizeLf, kData, kDataCr, kDataLf, kEndCr, kEndLf };

  void step(char c);
  void add_size_digit(int digit);
  void fail(State state) { state_ = state; }
  void expect(char c, char wanted, Step next);

  std::uint64_t limit_;
  std::uint64_t total_ = 0;
  // Of the running chunk: its size while that is read, then what is missing of it.
  std::uint64_t size_ = 0;
  unsigned size_digits_ = 0;
  std::size_t extension_ = 0;
  std::size_t extensions_ = 0;
  Step step_ = Step::kSize;
  State state_ = State::kMore;
};

}  // namespace tollgate
