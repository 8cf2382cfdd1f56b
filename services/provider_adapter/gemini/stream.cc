#include "services/provider_adapter/gemini/stream.h"

#include <fmt/format.h>

#include "services/provider_adapter/upstream_failure.h"

namespace tollgate::gemini {
namespace {

// One call may hold a whole file; an image's bytes are not asked for.
constexpr std::size_t kLargestEvent = 16 * 1024 * 1024;

}  // namespace

absl::Status ChunkDecoder::scan(bool at_end) {
  absl::Status status;
  scanner_.scan(held_, at_end, [this, &status](const sse::Event& event) {
    if (!status.ok() || event.data == "[DONE]")
      return;
    simdjson::dom::element chunk;
    if (parser_.parse(event.data.data(), event.data.size()).get(chunk)) {
      status =
          to_status(bad_response(upstream_, fmt::format("Upstream {} sent an event that is not JSON.", upstream_)));
      return;
    }
    status = answer_.take(chunk);
  });
  const std::size_t end = scanner_.end();
  scanner_.consume(end);
  held_.erase(0, end);
  if (status.ok() && held_.size() > kLargestEvent) {
    status = to_status(bad_response(
        upstream_, fmt::format("Upstream {} sent an event of more than {} bytes.", upstream_, kLargestEvent)));
  }
  return status;
}

absl::Status ChunkDecoder::decode(std::string_view bytes, std::string& events) {
  held_.append(bytes);
  const absl::Status status = scan(false);
  events.append(out_);
  out_.clear();
  return status;
}

absl::Status ChunkDecoder::finish(std::string& events) {
  // The blank line behind the last event may be missing.
  if (!held_.empty())
    held_.append("\n\n");
  absl::Status status = scan(true);
  if (status.ok())
    status = answer_.finish();
  events.append(out_);
  out_.clear();
  return status;
}

}  // namespace tollgate::gemini
