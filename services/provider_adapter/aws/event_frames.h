// The binary event stream of AWS (application/vnd.amazon.eventstream): bytes in any pieces in, messages out. Sees no
// sockets.
// Source: https://smithy.io/2.0/aws/amazon-eventstream.html
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::aws {

// What a header's value can be; the numbers are the wire's.
enum class HeaderType : std::uint8_t {
  kTrue = 0,
  kFalse = 1,
  kByte = 2,
  kShort = 3,
  kInteger = 4,
  kLong = 5,
  kBytes = 6,
  kString = 7,
  // Milliseconds since 1970.
  kTimestamp = 8,
  // 16 bytes.
  kUuid = 9,
};

struct EventHeader {
  std::string_view name;
  HeaderType type = HeaderType::kString;
  // Of the booleans and numbers.
  std::int64_t number = 0;
  // Of bytes, strings and UUIDs.
  std::string_view bytes;
};

// Points into the decoder.
struct EventFrame {
  std::vector<EventHeader> headers;
  std::string_view payload;

  // The value of a header that is a string; empty: there is none.
  std::string_view text(std::string_view name) const;
};

class EventFrames {
 public:
  // A larger message, or a larger block of headers, is a fault.
  static constexpr std::uint32_t kMaxMessage = 16 * 1024 * 1024;
  static constexpr std::uint32_t kMaxHeaders = 128 * 1024;

  enum class Result {
    kFrame,
    // The next message is not complete yet.
    kMore,
    // No message of this form, or a checksum is wrong; it stays so. error() says why.
    kBroken,
  };

  void push(std::string_view bytes);
  // The next message into `frame`, valid until the next call of either.
  Result next(EventFrame& frame);
  // True in the middle of a message.
  bool partial() const { return position_ < held_.size(); }
  const std::string& error() const { return error_; }

 private:
  Result broken(std::string why);
  bool read_headers(std::string_view block, std::vector<EventHeader>& headers);

  std::string held_;
  // Where the next message begins.
  std::size_t position_ = 0;
  // Of that message: its prelude has been checked.
  bool prelude_checked_ = false;
  std::string error_;
};

}  // namespace tollgate::aws
