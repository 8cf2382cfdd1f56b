// The decoder of AWS' event streams: whatever comes, in whatever pieces, it neither reads beyond its bytes nor says
// something else for another split.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "services/provider_adapter/aws/event_frames.h"

namespace {

using tollgate::aws::EventFrame;
using tollgate::aws::EventFrames;

void drain(EventFrames& frames, std::string& seen) {
  EventFrame frame;
  while (frames.next(frame) == EventFrames::Result::kFrame) {
    for (const auto& header : frame.headers)
      seen.append(header.name).append(header.bytes).append(std::to_string(header.number));
    seen.append(frame.payload).append("\n");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::string whole;
  EventFrames at_once;
  at_once.push(bytes);
  drain(at_once, whole);
  std::string split;
  EventFrames in_pieces;
  const std::size_t step = size == 0 ? 1 : 1 + data[size - 1] % 17;
  for (std::size_t i = 0; i < size; i += step) {
    in_pieces.push(bytes.substr(i, step));
    drain(in_pieces, split);
  }
  if (whole != split || at_once.error() != in_pieces.error())
    std::abort();
  return 0;
}
