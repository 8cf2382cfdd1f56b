// The events of a stream are the same in whatever pieces it comes. The first byte says how it is cut.
#include "services/provider_adapter/sse/scanner.h"

#include <cstdint>
#include <string>
#include <vector>

#include "tests/fuzz/must.h"

namespace {

using tollgate::fuzz::must;
using tollgate::sse::Event;
using tollgate::sse::Scanner;

struct Seen {
  std::string name;
  std::string data;
  bool whole;
  bool operator==(const Seen&) const = default;
};

std::vector<Seen> scan(std::string_view stream, std::size_t piece) {
  std::vector<Seen> seen;
  const auto visit = [&](const Event& event) {
    seen.push_back({std::string(event.name), std::string(event.data), event.whole});
  };
  Scanner scanner;
  std::string held;
  const auto take = [&](bool at_end) {
    scanner.scan(held, at_end, visit);
    must(scanner.end() <= held.size(), "an event ends within the window");
    const std::size_t end = scanner.end();
    scanner.consume(end);
    held.erase(0, end);
  };
  while (!stream.empty()) {
    const std::size_t size = std::min(piece, stream.size());
    held += stream.substr(0, size);
    stream.remove_prefix(size);
    take(false);
  }
  take(true);
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0)
    return 0;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::vector<Seen> whole = scan(stream, stream.size());
  must(scan(stream, 1 + data[0]) == whole, "the same events in pieces");
  must(scan(stream, 1) == whole, "the same events byte by byte");
  for (const Seen& event : whole)
    must(event.whole, "nothing was let go");
  return 0;
}
