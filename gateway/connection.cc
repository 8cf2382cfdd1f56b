#include "gateway/connection.h"

#include <algorithm>
#include <string>
#include <utility>

namespace tollgate {
namespace {

void drop_front(Gather& buffers, std::size_t bytes) {
  for (asio::const_buffer& buffer : buffers) {
    const std::size_t step = std::min(bytes, buffer.size());
    buffer += step;
    bytes -= step;
  }
}

}  // namespace

std::chrono::milliseconds time_for(std::uint64_t bytes, std::uint32_t bytes_per_second) {
  return std::chrono::milliseconds(bytes * 1000 / bytes_per_second);
}

Connection::Connection(std::unique_ptr<Transport> transport, Deadlines& deadlines,
                       std::chrono::milliseconds write_timeout, std::uint32_t pace, std::size_t input_limit)
    : transport_(std::move(transport)),
      input_(input_limit),
      write_timeout_(write_timeout),
      pace_(pace),
      patience_(kSlowTimeouts * write_timeout),
      wakeup_(transport_->socket().get_executor(), Timer::time_point::max()),
      deadline_(deadlines, [this] { on_deadline(); }) {}

Awaitable<ProxyHeader> Connection::read_proxy_header(std::chrono::milliseconds timeout) {
  deadline_.expires_after(timeout);
  std::string bytes;
  ProxyHeader header = tollgate::read_proxy_header(bytes);
  while (header.state == ProxyHeader::State::kMore && !deadline_.expired()) {
    const std::size_t before = bytes.size();
    bytes.resize(before + header.missing);
    const asio::mutable_buffer free = asio::buffer(bytes.data() + before, header.missing);
    const std::size_t received = co_await transport_->read_ahead(free);
    bytes.resize(before + received);
    if (received == 0)
      break;
    header = tollgate::read_proxy_header(bytes);
  }
  deadline_.clear();
  co_return header;
}

Awaitable<bool> Connection::handshake(std::chrono::milliseconds timeout) {
  deadline_.expires_after(timeout);
  const bool done = co_await transport_->handshake();
  deadline_.clear();
  co_return done;
}

Awaitable<bool> Connection::fill() {
  if (deadline_.expired())
    co_return false;
  if (!reading_ && !ended_ && !input_.full())
    start_read(input_.free_space(), true);
  const std::size_t before = input_.data().size();
  co_await read_settled();
  co_return input_.data().size() > before;
}

Awaitable<std::size_t> Connection::receive(asio::mutable_buffer buffer) {
  if (ended_ || deadline_.expired())
    co_return 0;
  start_read(buffer, false);
  co_await read_settled();
  co_return received_;
}

Awaitable<bool> Connection::send(Gather buffers) {
  while (!write_failed_ && asio::buffer_size(buffers) > 0) {
    writing_ = true;
    const auto begin = SteadyClock::now();
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(patience_);
    deadline_.expires_after(pace_ == 0 ? write_timeout_ : std::min(write_timeout_, left));
    const std::size_t written = co_await transport_->write_some(buffers);
    writing_ = false;
    deadline_.clear();
    if (pace_ != 0) {
      const SteadyClock::duration most = kSlowTimeouts * write_timeout_;
      patience_ += time_for(written, pace_) - (SteadyClock::now() - begin);
      patience_ = std::clamp(patience_, SteadyClock::duration::zero(), most);
    }
    write_failed_ = written == 0;
    drop_front(buffers, written);
  }
  co_return !write_failed_;
}

void Connection::begin_watch() {
  watching_ = true;
  if (!reading_ && !ended_ && !input_.full())
    start_read(input_.free_space(), true);
}

void Connection::start_read(asio::mutable_buffer buffer, bool into_input) {
  reading_ = true;
  into_input_ = into_input;
  received_ = 0;
  transport_->start_read(buffer, shared_from_this());
}

void Connection::on_read(error_code error, std::size_t bytes) {
  reading_ = false;
  received_ = bytes;
  if (into_input_)
    input_.commit(bytes);
  // A read that the deadline has cancelled leaves the connection as it was.
  if (error && !(error == asio::error::operation_aborted && deadline_.expired()))
    ended_ = true;
  if (!watching_) {
    wakeup_.cancel();
    return;
  }
  if (ended_) {
    gone_ = true;
    cancel_signal_.emit(asio::cancellation_type::terminal);
  } else if (!input_.full()) {
    start_read(input_.free_space(), true);
  }
}

void Connection::on_deadline() {
  if (writing_) {
    write_timed_out_ = true;
    close();
  } else {
    transport_->cancel();
  }
}

Awaitable<void> Connection::read_settled() {
  while (reading_)
    co_await wakeup_.async_wait(as_tuple);
}

Awaitable<void> Connection::linger(std::chrono::milliseconds time) {
  if (!ended_ && !write_failed_) {
    transport_->cancel();
    co_await read_settled();
    deadline_.expires_after(time);
    co_await transport_->end();
    std::array<char, 16 * 1024> dropped;
    const auto buffer = asio::buffer(dropped);
    TcpSocket& socket = transport_->socket();
    while (!deadline_.expired()) {
      const auto [error, bytes] = co_await socket.async_read_some(buffer, as_tuple);
      if (error)
        break;
    }
  }
  close();
}

void Connection::close() {
  transport_->close();
}

void Connection::reset() {
  error_code ignored;
  transport_->socket().set_option(asio::socket_base::linger(true, 0), ignored);
  close();
}

}  // namespace tollgate
