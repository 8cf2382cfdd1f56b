#include "services/provider_adapter/aws/event_frames.h"

#include <fmt/format.h>

#include <boost/crc.hpp>

namespace tollgate::aws {
namespace {

// u32 of the message's size, u32 of its headers' size, u32 CRC of both.
constexpr std::size_t kPrelude = 12;
constexpr std::size_t kChecksum = 4;
constexpr std::size_t kUuid = 16;

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes)
    value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

std::uint32_t u32_at(std::string_view bytes, std::size_t offset) {
  return static_cast<std::uint32_t>(big_endian(bytes.substr(offset, 4)));
}

std::uint32_t crc_of(std::string_view bytes) {
  boost::crc_32_type crc;
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

// Takes from the front of a block.
class Reader {
 public:
  explicit Reader(std::string_view rest) : rest_(rest) {}

  bool take(std::size_t size, std::string_view& out) {
    if (size > rest_.size())
      return false;
    out = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }
  bool unsigned_number(std::size_t size, std::uint64_t& out) {
    std::string_view bytes;
    if (!take(size, bytes))
      return false;
    out = big_endian(bytes);
    return true;
  }
  bool signed_number(std::size_t size, std::int64_t& out) {
    std::uint64_t number = 0;
    if (!unsigned_number(size, number))
      return false;
    const unsigned unused = static_cast<unsigned>(64 - 8 * size);
    out = static_cast<std::int64_t>(number << unused) >> unused;
    return true;
  }
  bool sized(std::size_t size_bytes, std::string_view& out) {
    std::uint64_t size = 0;
    return unsigned_number(size_bytes, size) && take(size, out);
  }
  bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

bool read_value(Reader& reader, EventHeader& header) {
  switch (header.type) {
    case HeaderType::kTrue:
    case HeaderType::kFalse:
      header.number = header.type == HeaderType::kTrue;
      return true;
    case HeaderType::kByte:
      return reader.signed_number(1, header.number);
    case HeaderType::kShort:
      return reader.signed_number(2, header.number);
    case HeaderType::kInteger:
      return reader.signed_number(4, header.number);
    case HeaderType::kLong:
    case HeaderType::kTimestamp:
      return reader.signed_number(8, header.number);
    case HeaderType::kBytes:
    case HeaderType::kString:
      return reader.sized(2, header.bytes);
    case HeaderType::kUuid:
      return reader.take(kUuid, header.bytes);
  }
  return false;
}

}  // namespace

std::string_view EventFrame::text(std::string_view name) const {
  for (const EventHeader& header : headers) {
    if (header.name == name && header.type == HeaderType::kString)
      return header.bytes;
  }
  return {};
}

void EventFrames::push(std::string_view bytes) {
  if (!error_.empty())
    return;
  if (position_ > 0)
    held_.erase(0, std::exchange(position_, 0));
  held_.append(bytes);
}

EventFrames::Result EventFrames::broken(std::string why) {
  error_ = std::move(why);
  held_.clear();
  position_ = 0;
  return Result::kBroken;
}

bool EventFrames::read_headers(std::string_view block, std::vector<EventHeader>& headers) {
  Reader reader(block);
  while (!reader.empty()) {
    EventHeader header;
    std::uint64_t type = 0;
    if (!reader.sized(1, header.name) || header.name.empty() || !reader.unsigned_number(1, type) ||
        type > static_cast<std::uint64_t>(HeaderType::kUuid))
      return false;
    header.type = static_cast<HeaderType>(type);
    if (!read_value(reader, header))
      return false;
    headers.push_back(header);
  }
  return true;
}

EventFrames::Result EventFrames::next(EventFrame& frame) {
  frame.headers.clear();
  frame.payload = {};
  if (!error_.empty())
    return Result::kBroken;
  const std::string_view rest = std::string_view(held_).substr(position_);
  if (rest.size() < kPrelude)
    return Result::kMore;
  const std::uint32_t size = u32_at(rest, 0);
  const std::uint32_t headers_size = u32_at(rest, 4);
  if (!prelude_checked_) {
    // Before the sizes are believed: a wrong one would have us wait for bytes that never come.
    if (crc_of(rest.substr(0, kPrelude - kChecksum)) != u32_at(rest, kPrelude - kChecksum))
      return broken("the checksum of a message's prelude is wrong");
    if (size > kMaxMessage || headers_size > kMaxHeaders)
      return broken(
          fmt::format("a message of {} bytes with {} bytes of headers is larger than allowed", size, headers_size));
    if (size < kPrelude + kChecksum || headers_size > size - kPrelude - kChecksum)
      return broken(fmt::format("a message of {} bytes cannot hold {} bytes of headers", size, headers_size));
    prelude_checked_ = true;
  }
  if (rest.size() < size)
    return Result::kMore;
  const std::string_view message = rest.substr(0, size);
  if (crc_of(message.substr(0, size - kChecksum)) != u32_at(message, size - kChecksum))
    return broken("the checksum of a message is wrong");
  if (!read_headers(message.substr(kPrelude, headers_size), frame.headers))
    return broken("a message's headers are malformed");
  frame.payload = message.substr(kPrelude + headers_size, size - kPrelude - headers_size - kChecksum);
  position_ += size;
  prelude_checked_ = false;
  return Result::kFrame;
}

}  // namespace tollgate::aws
