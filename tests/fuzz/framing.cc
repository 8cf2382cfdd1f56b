// A client's bytes: a head that is passed can be read in one way only, and a chunked body is the same however it
// comes.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/chunked_decoder.h"
#include "gateway/framing_guard.h"
#include "tests/fuzz/must.h"

using tollgate::fuzz::must;
using namespace tollgate;

namespace {

std::size_t lines_naming(std::string_view head, std::string_view name) {
  std::string lower(head);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  std::size_t count = 0;
  for (auto at = lower.find(name); at != lower.npos; at = lower.find(name, at + 1))
    count += at >= 2 && lower[at - 1] == '\n' && lower[at + name.size()] == ':' ? 1 : 0;
  return count;
}

void check_head(std::string_view bytes) {
  const HeadEnd end = find_head_end(bytes, 0);
  must(!end.bad || end.size == 0, "what is bad has no end");
  must(end.size <= bytes.size(), "the end lies in the bytes");
  for (std::size_t part : {bytes.size() / 3, bytes.size() / 2}) {
    if (const HeadEnd early = find_head_end(bytes.substr(0, part), 0); early.size > 0)
      must(early.size == end.size, "more bytes do not move the end");
    else if (!early.bad)
      must(find_head_end(bytes, part).size == end.size, "in parts as in one");
  }
  Framing framing;
  if (end.size == 0 || inspect_head(bytes.substr(0, end.size), HeadLimits(), framing))
    return;
  const std::string_view head = bytes.substr(0, end.size);
  must(head.find('\0') == head.npos, "no zero byte");
  must(std::count(head.begin(), head.end(), '\r') == std::count(head.begin(), head.end(), '\n'), "only CR LF");
  must(head.find("\n ") == head.npos && head.find("\n\t") == head.npos, "no continued line");
  const std::size_t lengths = lines_naming(head, "content-length");
  const std::size_t codings = lines_naming(head, "transfer-encoding");
  must(lengths + codings <= 1, "one framing");
  must(framing.chunked == (codings == 1), "chunked is what says so");
  must(lengths == 1 || framing.content_length == 0, "a length is what says so");
  must(lines_naming(head, "host") <= 1, "one host");
}

void check_chunks(std::string_view bytes) {
  constexpr std::uint64_t kLimit = 4096;
  ChunkedDecoder whole(kLimit);
  std::string body;
  const std::size_t used = whole.feed(bytes, body);
  must(body.size() <= kLimit, "no more than the limit");
  ChunkedDecoder single(kLimit);
  std::string same;
  std::size_t read = 0;
  while (read < bytes.size() && single.state() == ChunkedDecoder::State::kMore)
    read += single.feed(bytes.substr(read, 1), same);
  must(single.state() == whole.state(), "byte by byte as in one");
  must(whole.state() == ChunkedDecoder::State::kBad || (same == body && read == used), "with the same body");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check_head(bytes);
  check_chunks(bytes);
  return 0;
}
