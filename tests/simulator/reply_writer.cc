#include "tests/simulator/reply_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/http/status.hpp>

namespace tollgate::simulator {
namespace {

// Bytes gathered before they are written when nothing asks for less.
constexpr std::size_t kGather = 64 * 1024;
constexpr std::string_view kGarbage = "\x00\xff\x16\x03\x01 garbage \r\n\r\n{]\x80";

std::string_view reason(unsigned status) {
  if (status == 529)
    return "Overloaded";
  auto text = boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(status));
  return {text.data(), text.size()};
}

std::uint64_t body_size(const Reply& reply) {
  std::uint64_t size = 0;
  for (const Piece& piece : reply.body)
    size += piece.bytes.size() * piece.repeat;
  return size;
}

class Writer {
 public:
  Writer(Transport& transport, const Reply& reply, bool bodiless, Outcome& outcome)
      : transport_(transport),
        reply_(reply),
        bodiless_(bodiless),
        outcome_(outcome),
        timer_(transport.get_executor()) {}

  Awaitable<bool> run() {
    if (reply_.no_response)
      co_await forever();
    due_ = SteadyClock::now();
    co_await wait(reply_.head_delay);
    if (reply_.broken && reply_.broken->before_head)
      co_return co_await break_off();
    append_head();
    if (bodiless_) {
      co_await flush();
      co_return finish();
    }
    for (const Piece& piece : reply_.body) {
      for (std::uint32_t i = 0; i < piece.repeat; ++i) {
        if (break_is_due())
          co_return co_await break_off();
        if (piece.delay.count() > 0) {
          co_await flush();
          co_await wait(piece.delay);
        }
        std::string_view bytes = piece.bytes;
        bool cut = reply_.broken && reply_.broken->after_bytes && *reply_.broken->after_bytes < written_ + bytes.size();
        if (cut)
          bytes = bytes.substr(0, *reply_.broken->after_bytes - written_);
        co_await write(bytes);
        if (failed_)
          co_return false;
        if (cut)
          co_return co_await break_off();
        ++pending_events_;
        pending_tokens_ += piece.output_tokens;
        if (out_.size() >= kGather)
          co_await flush();
      }
    }
    if (break_is_due())
      co_return co_await break_off();
    if (reply_.framing == Reply::Framing::kChunked)
      out_ += "0\r\n\r\n";
    co_await flush();
    co_return finish();
  }

 private:
  bool finish() {
    outcome_.completed = !failed_;
    return !failed_ && reply_.framing != Reply::Framing::kUntilClose && !reply_.close_after;
  }

  void append_head() {
    auto out = std::back_inserter(out_);
    fmt::format_to(out, "HTTP/1.1 {} {}\r\n", reply_.status, reason(reply_.status));
    for (const auto& [name, value] : reply_.headers)
      fmt::format_to(out, "{}: {}\r\n", name, value);
    if (reply_.framing == Reply::Framing::kLength)
      fmt::format_to(out, "Content-Length: {}\r\n", body_size(reply_));
    else if (reply_.framing == Reply::Framing::kChunked)
      out_ += "Transfer-Encoding: chunked\r\n";
    if (reply_.close_after || reply_.framing == Reply::Framing::kUntilClose)
      out_ += "Connection: close\r\n";
    out_ += "\r\n";
  }

  void append_body(std::string_view bytes) {
    if (reply_.framing == Reply::Framing::kChunked)
      fmt::format_to(std::back_inserter(out_), "{:x}\r\n{}\r\n", bytes.size(), bytes);
    else
      out_ += bytes;
    written_ += bytes.size();
    pending_bytes_ += bytes.size();
  }

  Awaitable<void> write(std::string_view bytes) {
    if (bytes.empty())
      co_return;
    if (reply_.write_size == 0) {
      append_body(bytes);
      co_return;
    }
    for (; !bytes.empty() && !failed_; bytes.remove_prefix(std::min(reply_.write_size, bytes.size()))) {
      append_body(bytes.substr(0, reply_.write_size));
      co_await flush();
    }
  }

  Awaitable<void> flush() {
    if (failed_ || out_.empty())
      co_return;
    asio::const_buffer buffer = asio::buffer(out_);
    auto [error, size] = co_await transport_.write(buffer);
    out_.clear();
    if (error) {
      failed_ = true;
      outcome_.client_closed = true;
      co_return;
    }
    outcome_.body_bytes += std::exchange(pending_bytes_, 0);
    outcome_.events += std::exchange(pending_events_, 0);
    outcome_.output_tokens += std::exchange(pending_tokens_, 0);
  }

  // The schedule is absolute: a late write does not push back the ones after it.
  Awaitable<void> wait(milliseconds delay) {
    if (delay.count() == 0)
      co_return;
    due_ += delay;
    timer_.expires_at(due_);
    co_await timer_.async_wait(use_awaitable);
  }

  // Until it is cancelled, which is when the client goes.
  Awaitable<void> forever() {
    timer_.expires_at(SteadyClock::time_point::max());
    co_await timer_.async_wait(use_awaitable);
  }

  bool break_is_due() const {
    if (!reply_.broken)
      return false;
    const Break& at = *reply_.broken;
    if (at.after_bytes)
      return written_ >= *at.after_bytes;
    return outcome_.events + pending_events_ >= at.after_event.value_or(0);
  }

  Awaitable<bool> break_off() {
    co_await flush();
    switch (reply_.broken->how) {
      case Break::How::kReset:
        transport_.reset();
        break;
      case Break::How::kStall:
        co_await forever();
        break;
      case Break::How::kGarbage:
        out_ = kGarbage;
        co_await flush();
        transport_.close();
        break;
      case Break::How::kClose:
        transport_.close();
        break;
    }
    co_return false;
  }

  Transport& transport_;
  const Reply& reply_;
  const bool bodiless_;
  Outcome& outcome_;
  Timer timer_;
  SteadyClock::time_point due_;
  std::string out_;
  bool failed_ = false;
  // Body bytes appended so far, and what of the outcome stands in `out_` unwritten.
  std::uint64_t written_ = 0;
  std::uint64_t pending_bytes_ = 0;
  std::uint64_t pending_events_ = 0;
  std::int64_t pending_tokens_ = 0;
};

}  // namespace

Awaitable<bool> write_reply(Transport& transport, const Reply& reply, bool bodiless, Outcome& outcome) {
  Writer writer(transport, reply, bodiless, outcome);
  co_return co_await writer.run();
}

bool takes_time(const Reply& reply) {
  auto paced = [](const Piece& piece) { return piece.delay.count() > 0; };
  return reply.no_response || reply.head_delay.count() > 0 ||
         (reply.broken && reply.broken->how == Break::How::kStall) ||
         std::any_of(reply.body.begin(), reply.body.end(), paced);
}

}  // namespace tollgate::simulator
