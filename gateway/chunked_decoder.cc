#include "gateway/chunked_decoder.h"

#include <algorithm>

#include "gateway/ascii.h"

namespace tollgate {
namespace {

constexpr unsigned kMaxSizeDigits = 15;
constexpr std::size_t kMaxExtension = 256;
constexpr std::size_t kMaxExtensions = 16 * 1024;

}  // namespace

std::size_t ChunkedDecoder::feed(std::string_view in, std::string& body) {
  std::size_t used = 0;
  while (used < in.size() && state_ == State::kMore) {
    if (step_ != Step::kData) {
      step(in[used++]);
      continue;
    }
    const std::size_t take = std::min<std::uint64_t>(size_, in.size() - used);
    body.append(in, used, take);
    used += take;
    size_ -= take;
    if (size_ == 0)
      step_ = Step::kDataCr;
  }
  return used;
}

void ChunkedDecoder::step(char c) {
  switch (step_) {
    case Step::kSize:
      if (const int digit = hex_value(c); digit >= 0)
        return add_size_digit(digit);
      if (size_digits_ == 0)
        return fail(State::kBad);
      if (c != ';')
        return expect(c, '\r', Step::kSizeLf);
      extension_ = 0;
      step_ = Step::kExtension;
      return;
    case Step::kExtension:
      if (c == '\r') {
        step_ = Step::kSizeLf;
        return;
      }
      if (!is_field_char(c) || ++extension_ > kMaxExtension || ++extensions_ > kMaxExtensions)
        return fail(State::kBad);
      return;
    case Step::kSizeLf:
      expect(c, '\n', size_ == 0 ? Step::kEndCr : Step::kData);
      total_ += size_;
      size_digits_ = 0;
      return;
    case Step::kData:
      return;
    case Step::kDataCr:
      return expect(c, '\r', Step::kDataLf);
    case Step::kDataLf:
      return expect(c, '\n', Step::kSize);
    case Step::kEndCr:
      // Anything else would begin a trailer.
      return expect(c, '\r', Step::kEndLf);
    case Step::kEndLf:
      expect(c, '\n', Step::kEndLf);
      if (state_ == State::kMore)
        state_ = State::kDone;
      return;
  }
}

void ChunkedDecoder::add_size_digit(int digit) {
  if (++size_digits_ > kMaxSizeDigits)
    return fail(State::kBad);
  size_ = size_ * 16 + static_cast<unsigned>(digit);
  if (size_ > limit_ - total_)
    fail(State::kTooLarge);
}

void ChunkedDecoder::expect(char c, char wanted, Step next) {
  if (c == wanted)
    step_ = next;
  else
    fail(State::kBad);
}

}  // namespace tollgate
