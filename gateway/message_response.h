// Writes the frames of one Messages call as an HTTP response.
#pragma once

#include <optional>
#include <string>

#include "gateway/response.h"
#include "gateway/transport.h"
#include "services/common/api/messages.h"

namespace tollgate {

// Where a response goes.
struct Output {
  virtual ~Output() = default;
  // Writes everything. False: the client cannot be reached any more.
  virtual Awaitable<bool> send(Gather buffers) = 0;
  // Whether the connection ends with this response: its head must say so.
  virtual bool closes() const = 0;
  // The client has the whole response: it may go now.
  virtual void on_complete() = 0;
  // It is an event stream, and begins.
  virtual void on_stream() {}
};

// Each data frame is one write of one chunk. The head waits for the first of them, so that a body that comes in one
// piece gets a content-length and one write, and so that a failure before it can still be answered as one.
class MessageResponse final : public FrameSink {
 public:
  // `chunked` false: HTTP/1.0, the end of the connection ends the body. `dialect`: of the events that are the edge's
  // own.
  MessageResponse(Output& output, bool chunked, Dialect dialect = Dialect::kMessages)
      : output_(output), chunked_(chunked), dialect_(dialect) {}

  Awaitable<absl::Status> write(v1::Frame frame) override;

  // Ends a response that has begun with the failure, as an `error` event. False: that is impossible, as it is no event
  // stream or stands in the middle of an event. Then the connection must be cut, so that the client sees it broken.
  Awaitable<bool> end_with(const v1::Failure& failure);

  // Nothing has been written yet: any other answer is possible.
  bool untouched() const { return state_ == State::kEmpty || state_ == State::kHeld; }
  // The client has all of it.
  bool complete() const { return state_ == State::kComplete; }
  // HTTP status; 0 without a head.
  unsigned status() const { return status_; }
  const std::string& generation_id() const { return generation_id_; }
  // What the client got as `request-id`; empty when there was none.
  const std::string& request_id() const { return request_id_; }
  // What served it; empty when it did not come to its end.
  const std::string& model() const { return model_; }
  const std::string& provider() const { return provider_; }

 private:
  enum class State { kEmpty, kHeld, kStreaming, kComplete, kBroken };

  absl::Status take_head(const v1::Head& head);
  Awaitable<absl::Status> take_data(std::string data);
  Awaitable<absl::Status> finish();
  void begin_streaming(std::string& out);
  Awaitable<absl::Status> send_chunk(std::string_view data);
  Awaitable<absl::Status> send(Gather buffers, State next);

  Output& output_;
  const bool chunked_;
  const Dialect dialect_;
  State state_ = State::kEmpty;
  bool event_stream_ = false;
  bool mid_event_ = false;
  unsigned status_ = 0;
  // Held: everything but the framing headers and the blank line.
  std::string head_;
  // Held: the body so far.
  std::optional<std::string> held_data_;
  std::string request_id_;
  std::string generation_id_;
  std::string model_;
  std::string provider_;
};

}  // namespace tollgate
