#include "services/router/relay.h"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace tollgate::router {
namespace {

// What comes before the first content block is small; an upstream that sends more has begun.
constexpr std::size_t kMostHeldBytes = 1024 * 1024;

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

void put_headers(const std::vector<v1::Header>& own, google::protobuf::RepeatedPtrField<v1::Header>& headers) {
  const auto replaced = [&](const v1::Header& header) {
    return std::any_of(own.begin(), own.end(),
                       [&](const v1::Header& other) { return same_name(header.name(), other.name()); });
  };
  headers.erase(std::remove_if(headers.begin(), headers.end(), replaced), headers.end());
  for (const v1::Header& header : own)
    *headers.Add() = header;
}

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
  if (std::optional<v1::Header> late = late_header_ ? late_header_() : std::nullopt)
    headers_.push_back(*std::move(late));
  put_headers(headers_, *head_->mutable_head()->mutable_headers());
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
    case v1::Frame::kCommitted:
      co_return co_await release();
    case v1::Frame::kKeepAlive: {
      // The head may go early: until content follows it, another upstream can still take over.
      absl::Status status = co_await send_head();
      if (status.ok() && head_sent_)
        status = co_await forward(std::move(frame));
      co_return status;
    }
    case v1::Frame::kUsage:
    case v1::Frame::kDone:
    case v1::Frame::KIND_NOT_SET:
      break;
  }
  co_return absl::OkStatus();
}

}  // namespace tollgate::router
