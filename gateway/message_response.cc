#include "gateway/message_response.h"

#include <fmt/format.h>

#include <iterator>
#include <utility>

#include "gateway/ascii.h"
#include "gateway/forwarding.h"
#include "gateway/openai/chat_errors.h"
#include "gateway/response.h"
#include "services/common/base/errors.h"

namespace tollgate {
namespace {

constexpr std::string_view kComment = ": keep-alive\n\n";
constexpr std::string_view kPing = "event: ping\ndata: {\"type\": \"ping\"}\n\n";
constexpr std::string_view kLastChunk = "0\r\n\r\n";

asio::const_buffer buffer_of(std::string_view text) {
  return {text.data(), text.size()};
}

absl::Status out_of_order(std::string_view what) {
  return error(v1::Failure::KIND_INTERNAL, fmt::format("A response's frames are out of order: {}.", what));
}

}  // namespace

Awaitable<absl::Status> MessageResponse::write(v1::Frame frame) {
  if (state_ == State::kBroken)
    co_return absl::CancelledError("the client is gone");
  switch (frame.kind_case()) {
    case v1::Frame::kHead:
      co_return take_head(frame.head());
    case v1::Frame::kData: {
      if (frame.data().empty())
        co_return absl::OkStatus();
      mid_event_ = frame.mid_event();
      co_return co_await take_data(std::move(*frame.mutable_data()));
    }
    case v1::Frame::kKeepAlive: {
      if (!event_stream_ || mid_event_ || state_ == State::kComplete)
        co_return absl::OkStatus();
      co_return co_await send_chunk(dialect_ == Dialect::kChat ? kComment : kPing);
    }
    case v1::Frame::kDone: {
      if (generation_id_.empty())
        generation_id_ = frame.done().generation_id();
      model_ = frame.done().model();
      provider_ = frame.done().provider();
      co_return co_await finish();
    }
    default:
      co_return absl::OkStatus();
  }
}

absl::Status MessageResponse::take_head(const v1::Head& head) {
  if (state_ != State::kEmpty)
    return out_of_order("a second head");
  if (head.status() < 200 || head.status() > 599)
    return out_of_order(fmt::format("a head with status {}", head.status()));
  state_ = State::kHeld;
  status_ = head.status();
  request_id_ = find_header(head.headers(), "request-id");
  generation_id_ = find_header(head.headers(), "x-generation-id");
  event_stream_ = starts_with_ignoring_case(find_header(head.headers(), "content-type"), "text/event-stream");
  head_.reserve(1024);
  append_status_line(status_, head_);
  append_response_headers(head.headers(), head_);
  if (request_id_.empty() && !generation_id_.empty()) {
    request_id_ = generation_id_;
    HeaderList own;
    v1::Header* header = own.Add();
    header->set_name("request-id");
    header->set_value(request_id_);
    append_response_headers(own, head_);
  }
  if (output_.closes())
    head_ += "connection: close\r\n";
  return absl::OkStatus();
}

Awaitable<absl::Status> MessageResponse::take_data(std::string data) {
  if (state_ == State::kEmpty || state_ == State::kComplete)
    co_return out_of_order("data without a head or behind the end");
  if (state_ == State::kHeld && !event_stream_ && !held_data_) {
    held_data_ = std::move(data);
    co_return absl::OkStatus();
  }
  co_return co_await send_chunk(data);
}

// Leaves in `out` the head and the chunk of what was held.
void MessageResponse::begin_streaming(std::string& out) {
  out = std::move(head_);
  if (chunked_)
    out += "transfer-encoding: chunked\r\n";
  out += "\r\n";
  if (!held_data_)
    return;
  if (chunked_)
    fmt::format_to(std::back_inserter(out), "{:x}\r\n", held_data_->size());
  out += *held_data_;
  if (chunked_)
    out += "\r\n";
  held_data_.reset();
}

Awaitable<absl::Status> MessageResponse::send_chunk(std::string_view data) {
  std::string front;
  if (state_ == State::kHeld) {
    begin_streaming(front);
    if (event_stream_)
      output_.on_stream();
  }
  if (chunked_)
    fmt::format_to(std::back_inserter(front), "{:x}\r\n", data.size());
  const std::string_view end = chunked_ ? "\r\n" : "";
  const Gather buffers = {buffer_of(front), buffer_of(data), buffer_of(end)};
  co_return co_await send(buffers, State::kStreaming);
}

Awaitable<absl::Status> MessageResponse::finish() {
  if (state_ == State::kHeld) {
    const std::string body = held_data_ ? *std::move(held_data_) : std::string();
    fmt::format_to(std::back_inserter(head_), "content-length: {}\r\n\r\n", body.size());
    const Gather buffers = {buffer_of(head_), buffer_of(body), asio::const_buffer()};
    co_return co_await send(buffers, State::kComplete);
  }
  if (state_ != State::kStreaming)
    co_return out_of_order("an end without a head");
  const Gather buffers = {buffer_of(chunked_ ? kLastChunk : ""), asio::const_buffer(), asio::const_buffer()};
  co_return co_await send(buffers, State::kComplete);
}

Awaitable<bool> MessageResponse::end_with(const v1::Failure& failure) {
  if (state_ != State::kStreaming || !event_stream_ || mid_event_)
    co_return false;
  const std::string& id = request_id_.empty() ? generation_id_ : request_id_;
  const std::string event = dialect_ == Dialect::kChat ? chat::error_chunk(failure) : error_event(failure, id);
  const absl::Status sent = co_await send_chunk(event);
  if (!sent.ok())
    co_return false;
  const absl::Status ended = co_await finish();
  co_return ended.ok();
}

// Broken until it is known to have gone well: a write that is cancelled half-way leaves a broken response.
Awaitable<absl::Status> MessageResponse::send(Gather buffers, State next) {
  state_ = State::kBroken;
  const bool sent = co_await output_.send(buffers);
  if (!sent)
    co_return absl::CancelledError("the client is gone");
  state_ = next;
  if (state_ == State::kComplete)
    output_.on_complete();
  co_return absl::OkStatus();
}

}  // namespace tollgate
