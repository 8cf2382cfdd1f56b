#include "services/router/relay.h"

namespace tollgate::router {
namespace {

// What comes before the first content block is small; an upstream that sends more has begun.
constexpr std::size_t kMostHeldBytes = 1024 * 1024;

}  // namespace

void Relay::begin_attempt() {
  head_.reset();
  held_.clear();
  held_bytes_ = 0;
}

Awaitable<absl::Status> Relay::forward(v1::Frame frame) {
  client_status_ = co_await client_.write(std::move(frame));
  co_return client_status_;
}

Awaitable<absl::Status> Relay::send_head() {
  if (head_sent_ || !head_)
    co_return absl::OkStatus();
  head_sent_ = true;
  v1::Header& id = *head_->mutable_head()->add_headers();
  id.set_name("x-generation-id");
  id.set_value(account_.generation_id());
  co_return co_await forward(std::move(*head_));
}

Awaitable<absl::Status> Relay::release() {
  committed_ = true;
  absl::Status status = co_await send_head();
  for (std::size_t i = 0; status.ok() && i < held_.size(); ++i)
    status = co_await forward(std::move(held_[i]));
  held_.clear();
  co_return status;
}

Awaitable<absl::Status> Relay::write(v1::Frame frame) {
  switch (frame.kind_case()) {
    case v1::Frame::kData:
      account_.note_output(frame.estimated_output_tokens());
      if (committed_)
        co_return co_await forward(std::move(frame));
      held_bytes_ += frame.data().size();
      held_.push_back(std::move(frame));
      if (held_bytes_ > kMostHeldBytes)
        co_return co_await release();
      break;
    case v1::Frame::kHead:
      head_ = std::move(frame);
      break;
    case v1::Frame::kUsage:
      account_.note(frame.usage());
      break;
    case v1::Frame::kCommitted:
      co_return co_await release();
    case v1::Frame::kKeepAlive: {
      // The head may go early: until content follows it, another upstream can still take over.
      absl::Status status = co_await send_head();
      if (status.ok() && head_sent_)
        status = co_await forward(std::move(frame));
      co_return status;
    }
    case v1::Frame::kDone:
      done_ = std::move(*frame.mutable_done());
      break;
    case v1::Frame::KIND_NOT_SET:
      break;
  }
  co_return absl::OkStatus();
}

}  // namespace tollgate::router
