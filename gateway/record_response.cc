#include "gateway/record_response.h"

#include <fmt/format.h>

#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "gateway/activity_csv.h"
#include "gateway/activity_json.h"
#include "gateway/response.h"
#include "services/common/base/errors.h"

namespace tollgate {
namespace {

asio::const_buffer buffer_of(std::string_view text) {
  return {text.data(), text.size()};
}

std::string_view type_of(RecordFormat format) {
  switch (format) {
    case RecordFormat::kCsv:
      return "text/csv; charset=utf-8";
    case RecordFormat::kJson:
      return "application/json";
    case RecordFormat::kNdjson:
      return "application/x-ndjson";
    case RecordFormat::kEvents:
      return "text/event-stream";
  }
  return {};
}

std::string_view extension_of(RecordFormat format) {
  if (format == RecordFormat::kCsv)
    return "csv";
  return format == RecordFormat::kJson ? "json" : "ndjson";
}

// While a send is under way, however it ends.
class Sending {
 public:
  Sending(bool& flag, Timer& over) : flag_(flag), over_(over) { flag_ = true; }
  ~Sending() {
    flag_ = false;
    over_.cancel();
  }
  Sending(const Sending&) = delete;
  Sending& operator=(const Sending&) = delete;

 private:
  bool& flag_;
  Timer& over_;
};

std::int64_t ended_ms(const v1::ActivityRecord& record) {
  return record.created_ms() + record.duration_ms();
}

}  // namespace

RecordResponse::RecordResponse(Output& output, const Executor& executor, RecordFormat format, bool chunked,
                               std::string name)
    : output_(output),
      format_(format),
      chunked_(chunked),
      name_(std::move(name)),
      sent_(executor, Timer::time_point::max()) {}

void RecordResponse::skip_until(std::string generation_id, std::int64_t now_ms) {
  skip_until_ = std::move(generation_id);
  skip_before_ms_ = now_ms;
}

Awaitable<absl::Status> RecordResponse::begin() {
  pending_ += ": this is live\n\n";
  return flush(false);
}

Awaitable<absl::Status> RecordResponse::write(v1::ActivityRecord record) {
  if (skipped(record))
    co_return absl::OkStatus();
  append(record);
  if (format_ != RecordFormat::kEvents && pending_.size() < kPieceBytes)
    co_return absl::OkStatus();
  co_return co_await flush(false);
}

Awaitable<bool> RecordResponse::comment() {
  if (sending_)
    co_return true;
  pending_ += ": still live\n\n";
  const absl::Status sent = co_await flush(false);
  co_return sent.ok();
}

Awaitable<absl::Status> RecordResponse::finish() {
  if (first_ && format_ == RecordFormat::kCsv)
    pending_ += record_csv_header();
  if (format_ == RecordFormat::kJson)
    pending_ += first_ ? "{\"data\":[]}\n" : "]}\n";
  return flush(true);
}

Awaitable<bool> RecordResponse::end_with(const v1::Failure& failure) {
  if (state_ != State::kStreaming || format_ != RecordFormat::kEvents)
    co_return false;
  pending_ += fmt::format("event: error\ndata: {}\n\n", account_error_json(failure));
  const absl::Status sent = co_await flush(true);
  co_return sent.ok();
}

bool RecordResponse::skipped(const v1::ActivityRecord& record) {
  if (skip_until_.empty())
    return false;
  // The client has seen this one and, as they come in their order, all before it.
  const bool seen = record.generation_id() == skip_until_;
  const bool old = ended_ms(record) < skip_before_ms_;
  if (seen || !old)
    skip_until_.clear();
  return seen || old;
}

void RecordResponse::append(const v1::ActivityRecord& record) {
  const bool first = std::exchange(first_, false);
  switch (format_) {
    case RecordFormat::kCsv:
      if (first)
        pending_ += record_csv_header();
      return append_record_csv(record, pending_);
    case RecordFormat::kJson:
      pending_ += first ? "{\"data\":[\n" : ",\n";
      pending_ += dump(record_object(record));
      return;
    case RecordFormat::kNdjson:
      pending_ += dump(record_object(record));
      pending_ += '\n';
      return;
    case RecordFormat::kEvents:
      fmt::format_to(std::back_inserter(pending_), "event: record\nid: {}\ndata: {}\n\n", record.generation_id(),
                     dump(record_object(record)));
      return;
  }
}

Awaitable<absl::Status> RecordResponse::flush(bool last) {
  while (sending_)
    co_await sent_.async_wait(as_tuple);
  if (state_ == State::kBroken || state_ == State::kComplete)
    co_return absl::CancelledError("the client is gone");
  std::string front;
  if (state_ == State::kHeld) {
    append_status_line(200, front);
    fmt::format_to(std::back_inserter(front), "content-type: {}\r\ncache-control: no-store\r\n", type_of(format_));
    // For proxies that would gather events.
    if (format_ == RecordFormat::kEvents)
      front += "x-accel-buffering: no\r\n";
    else
      fmt::format_to(std::back_inserter(front), "content-disposition: attachment; filename=\"{}.{}\"\r\n", name_,
                     extension_of(format_));
    if (chunked_)
      front += "transfer-encoding: chunked\r\n";
    if (output_.closes())
      front += "connection: close\r\n";
    front += "\r\n";
  }
  const std::string piece = std::exchange(pending_, std::string());
  if (chunked_ && !piece.empty())
    fmt::format_to(std::back_inserter(front), "{:x}\r\n", piece.size());
  std::string end = chunked_ && !piece.empty() ? "\r\n" : "";
  if (chunked_ && last)
    end += "0\r\n\r\n";
  const Gather buffers = {buffer_of(front), buffer_of(piece), buffer_of(end)};
  // Broken until it is known to have gone well: a send that is cancelled half-way leaves a broken response.
  state_ = State::kBroken;
  const Sending sending(sending_, sent_);
  const bool sent = co_await output_.send(buffers);
  if (!sent)
    co_return absl::CancelledError("the client is gone");
  state_ = last ? State::kComplete : State::kStreaming;
  if (last)
    output_.on_complete();
  co_return absl::OkStatus();
}

}  // namespace tollgate
