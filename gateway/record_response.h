// Writes records as an HTTP response while they come: as a file (CSV, JSON, newline-delimited JSON) or as server-sent
// events.
//
// Memory: one piece of kPieceBytes; the next record is asked for when the client has taken it.
#pragma once

#include <cstddef>
#include <string>

#include "gateway/message_response.h"
#include "services/common/api/activity.h"
#include "tollgate/v1/failure.pb.h"

namespace tollgate {

enum class RecordFormat { kCsv, kJson, kNdjson, kEvents };

// On the thread of its connection. write() and comment() may be called by two coroutines.
class RecordResponse final : public RecordSink {
 public:
  // Records go out in pieces of this size; events at once.
  static constexpr std::size_t kPieceBytes = 32 * 1024;

  // `chunked` false: HTTP/1.0, the end of the connection ends the body. `name`: of the file, without its extension.
  RecordResponse(Output& output, const Executor& executor, RecordFormat format, bool chunked, std::string name);

  // Shows no record up to the one with this id, when it comes among those whose request had ended before `now_ms`.
  void skip_until(std::string generation_id, std::int64_t now_ms);

  // Sends the head of an event stream, so that the client knows that it stands. Files begin with their first piece.
  Awaitable<absl::Status> begin();
  Awaitable<absl::Status> write(v1::ActivityRecord record) override;
  // Shows the client of an event stream that it lives, unless something is on its way anyway. False: it does not.
  Awaitable<bool> comment();
  // All records have been written.
  Awaitable<absl::Status> finish();
  // As MessageResponse::end_with.
  Awaitable<bool> end_with(const v1::Failure& failure);

  bool untouched() const { return state_ == State::kHeld; }
  bool complete() const { return state_ == State::kComplete; }

 private:
  enum class State { kHeld, kStreaming, kComplete, kBroken };

  bool skipped(const v1::ActivityRecord& record);
  void append(const v1::ActivityRecord& record);
  // Sends what is pending as one chunk; `last` also the end.
  Awaitable<absl::Status> flush(bool last);

  Output& output_;
  const RecordFormat format_;
  const bool chunked_;
  const std::string name_;
  State state_ = State::kHeld;
  bool first_ = true;
  // The body's next piece.
  std::string pending_;
  std::string skip_until_;
  std::int64_t skip_before_ms_ = 0;
  // One send at a time.
  bool sending_ = false;
  // Never expires: cancelled when a send is over.
  Timer sent_;
};

}  // namespace tollgate
