// The Messages contract (protos/tollgate/v1/messages.proto) as a C++ interface: held either as the real object or as a
// gRPC client of it; callers cannot tell.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/common/async.h"
#include "tollgate/v1/messages.pb.h"

namespace tollgate {

// Where the frames of a response go. Awaiting a write is the backpressure: it completes when the frame has been taken
// on its way, and the next one is written only then. A non-OK status means that nobody listens any more: stop.
struct FrameSink {
  virtual ~FrameSink() = default;
  virtual Awaitable<absl::Status> write(v1::Frame frame) = 0;
};

// Methods run on the calling coroutine's executor. Cancelling that coroutine abandons the call and, at any distance,
// the upstream request behind it. `sink` outlives the call. Errors carry a v1::Failure (services/common/base/errors.h).
struct Messages {
  virtual ~Messages() = default;
  virtual Awaitable<absl::Status> create(v1::CreateRequest request, FrameSink& sink) = 0;
  virtual Awaitable<absl::StatusOr<v1::CountTokensReply>> count_tokens(v1::CreateRequest request) = 0;
};

}  // namespace tollgate
