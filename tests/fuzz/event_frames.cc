// The decoder of AWS' event streams: whatever comes, in whatever pieces, it neither reads beyond its bytes nor says
// something else for another split. The bytes stand once for a stream, and once for the inside of a message with right
// checksums, which chance would not find.
#include "services/provider_adapter/aws/event_frames.h"

#include <algorithm>
#include <boost/crc.hpp>
#include <cstdint>
#include <string>

#include "tests/fuzz/must.h"

namespace {

using tollgate::aws::EventFrame;
using tollgate::aws::EventFrames;
using tollgate::fuzz::must;

std::string read(std::string_view bytes, std::size_t step) {
  EventFrames frames;
  EventFrame frame;
  std::string seen;
  for (std::size_t i = 0; i < bytes.size(); i += step) {
    frames.push(bytes.substr(i, step));
    while (frames.next(frame) == EventFrames::Result::kFrame) {
      for (const auto& header : frame.headers)
        seen.append(header.name).append("=").append(header.bytes).append(std::to_string(header.number)).append(";");
      seen.append(frame.payload).append("\n");
    }
  }
  return seen.append(frames.error());
}

void put(std::string& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8)
    out += static_cast<char>(value >> shift & 0xff);
}

void put_checksum(std::string& out) {
  boost::crc_32_type crc;
  crc.process_bytes(out.data(), out.size());
  put(out, crc.checksum());
}

std::string message_of(std::string_view inside, std::size_t headers) {
  std::string message;
  put(message, static_cast<std::uint32_t>(16 + inside.size()));
  put(message, static_cast<std::uint32_t>(headers));
  put_checksum(message);
  message.append(inside);
  put_checksum(message);
  return message;
}

void check(std::string_view stream, std::size_t step) {
  const std::string whole = read(stream, std::max<std::size_t>(1, stream.size()));
  must(read(stream, step) == whole, "the same messages in pieces");
  must(read(stream, 1) == whole, "the same messages byte by byte");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0)
    return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t step = 1 + data[0];
  check(bytes, step);
  const std::string_view inside = bytes.substr(1);
  check(message_of(inside, std::min<std::size_t>(inside.size(), data[0])), step);
  return 0;
}
