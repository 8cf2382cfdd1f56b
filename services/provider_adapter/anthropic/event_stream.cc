#include "services/provider_adapter/anthropic/event_stream.h"

#include <algorithm>
#include <utility>

namespace tollgate::anthropic {
namespace {

bool is_content(std::string_view name) {
  return name.starts_with("content_block_") || name == "message_delta" || name == "message_stop";
}

bool must_be_read(std::string_view name) {
  return name == "message_start" || name == "message_delta" || name == "error";
}

// Roughly the tokens in a delta's text: what stands around it is counted off, four bytes make a token.
std::uint32_t estimated_tokens(std::string_view data) {
  constexpr std::size_t kAround =
      std::string_view(R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":""}})").size();
  // A signature is no output that anybody counts.
  if (data.substr(0, kAround + 20).find("\"signature_delta\"") != std::string_view::npos)
    return 0;
  const std::size_t text = data.size() - std::min(data.size(), kAround);
  return static_cast<std::uint32_t>((text + 3) / 4);
}

}  // namespace

EventStream::Result EventStream::take(const sse::Event& event) {
  if (!must_be_read(event.name)) {
    commit_ |= is_content(event.name);
    stopped_ |= event.name == "message_stop";
    if (event.name == "content_block_delta")
      estimated_tokens_ += estimated_tokens(event.data);
    return Result::kOk;
  }
  if (event.name == "message_start")
    return usage_.read_message_start(event.data) ? Result::kOk : Result::kMalformed;
  if (event.name == "message_delta") {
    commit_ = true;
    return usage_.read_message_delta(event.data) ? Result::kOk : Result::kMalformed;
  }
  if (committed_ || commit_) {
    errored_ = true;
    return Result::kOk;
  }
  std::optional<ApiError> error = read_error(event.data);
  if (!error)
    return Result::kMalformed;
  error_ = *std::move(error);
  error_json_ = event.data;
  return Result::kError;
}

void EventStream::emit(std::size_t size, bool mid_event, std::vector<v1::Frame>& frames) {
  if (usage_.take_change())
    *frames.emplace_back().mutable_usage() = usage_.usage();
  if (commit_ && !std::exchange(committed_, true))
    frames.emplace_back().mutable_committed();
  v1::Frame& frame = frames.emplace_back();
  std::string rest;
  if (size < held_.size()) {
    rest = held_.substr(size);
    held_.resize(size);
  }
  frame.set_data(std::move(held_));
  frame.set_mid_event(mid_event);
  frame.set_estimated_output_tokens(std::exchange(estimated_tokens_, 0));
  held_ = std::move(rest);
  scanner_.consume(size);
  mid_event_ = mid_event;
}

EventStream::Result EventStream::scan(bool at_end, std::vector<v1::Frame>& frames) {
  Result result = Result::kOk;
  scanner_.scan(held_, at_end, [this, &result](const sse::Event& event) {
    if (result == Result::kOk)
      result = take(event);
  });
  if (result != Result::kOk)
    return result;
  if (scanner_.end() > 0)
    emit(scanner_.end(), false, frames);
  // A \r at the end stays: it may be half of a line end.
  const std::size_t size = held_.ends_with('\r') ? held_.size() - 1 : held_.size();
  if (must_be_read(scanner_.name())) {
    if (size > kHoldRead)
      return Result::kMalformed;
  } else if (size > 0 && (mid_event_ || size > kHold)) {
    commit_ |= is_content(scanner_.name());
    estimated_tokens_ += static_cast<std::uint32_t>(size / 4);
    emit(size, true, frames);
  }
  return Result::kOk;
}

EventStream::Result EventStream::push(std::string bytes, std::vector<v1::Frame>& frames) {
  if (held_.empty()) {
    held_ = std::move(bytes);
  } else {
    held_.append(bytes);
  }
  return scan(false, frames);
}

EventStream::Result EventStream::finish(std::vector<v1::Frame>& frames) {
  return scan(true, frames);
}

}  // namespace tollgate::anthropic
