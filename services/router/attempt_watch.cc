#include "services/router/attempt_watch.h"

namespace tollgate::router {
namespace {

// The speed of less is that of the network's buffers.
constexpr std::int64_t kFewestTokens = 16;

}  // namespace

Awaitable<absl::Status> AttemptWatch::write(v1::Frame frame) {
  admission_.answered();
  const HealthTime came = clock_();
  last_ = came - held_up_;
  if (frame.has_committed() && !first_token_)
    first_token_ = last_;
  if (frame.has_usage())
    output_tokens_ = frame.usage().output_tokens();
  if (frame.has_done() && frame.done().has_usage())
    output_tokens_ = frame.done().usage().output_tokens();
  absl::Status status = co_await next_.write(std::move(frame));
  held_up_ += clock_() - came;
  co_return status;
}

Performance AttemptWatch::performance() const {
  using Milliseconds = std::chrono::duration<double, std::milli>;
  Performance performance;
  if (!first_token_)
    return performance;
  performance.first_token_ms = Milliseconds(*first_token_ - began_).count();
  const auto streamed = Milliseconds(last_ - *first_token_).count();
  if (output_tokens_ >= kFewestTokens && streamed > 0)
    performance.tokens_per_second = static_cast<double>(output_tokens_) * 1000 / streamed;
  return performance;
}

}  // namespace tollgate::router
