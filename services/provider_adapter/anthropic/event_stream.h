// The streamed response of the Messages API: body bytes in, frames out. Sees no sockets.
// Source: https://docs.anthropic.com/en/docs/build-with-claude/streaming
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "services/provider_adapter/anthropic/usage.h"
#include "services/provider_adapter/sse/scanner.h"
#include "tollgate/v1/messages.pb.h"

namespace tollgate::anthropic {

// Bytes come out as they came in, and only whole events: what is incomplete is held until the rest comes. An event too
// large to be held passes in parts, `mid_event` set on all but the last.
class EventStream {
 public:
  // An event beyond this is passed in parts.
  static constexpr std::size_t kHold = 256 * 1024;
  // The same for the events that must be read, which may not pass unread.
  static constexpr std::size_t kHoldRead = 4 * 1024 * 1024;

  enum class Result {
    kOk,
    // The upstream reported an error before its first content; see error().
    kError,
    // An event that must be read is not JSON, or too large.
    kMalformed,
  };

  // Takes the next bytes and appends the frames that they complete: usage when it changed, committed right before the
  // data that holds the first content, data. No frames are appended unless the result is kOk.
  Result push(std::string bytes, std::vector<v1::Frame>& frames);
  // The body ended: settles a last line end that could have been half of one.
  Result finish(std::vector<v1::Frame>& frames);

  bool committed() const { return committed_; }
  // message_stop came.
  bool stopped() const { return stopped_; }
  // An `error` event came after the first content.
  bool errored() const { return errored_; }
  // The last data frame ended inside an event.
  bool mid_event() const { return mid_event_; }
  v1::Usage usage() const { return usage_.usage(); }
  // After kError.
  const ApiError& error() const { return error_; }
  std::string& error_json() { return error_json_; }

 private:
  Result scan(bool at_end, std::vector<v1::Frame>& frames);
  Result take(const sse::Event& event);
  void emit(std::size_t size, bool mid_event, std::vector<v1::Frame>& frames);

  sse::Scanner scanner_;
  std::string held_;
  UsageTracker usage_;
  ApiError error_;
  std::string error_json_;
  // Of what has not gone out yet.
  std::uint32_t estimated_tokens_ = 0;
  // Content came, but its data has not gone out yet.
  bool commit_ = false;
  bool committed_ = false;
  bool stopped_ = false;
  bool errored_ = false;
  bool mid_event_ = false;
};

}  // namespace tollgate::anthropic
