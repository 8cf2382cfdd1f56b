#include "gateway/connection.h"

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

Connection::Connection(std::unique_ptr<Transport> transport, Deadlines& deadlines,
                       std::chrono::milliseconds write_timeout, std::size_t input_limit)
    : transport_(std::move(transport)),
      input_(input_limit),
      write_timeout_(write_timeout),
      wakeup_(transport_->socket().get_executor(), Timer::time_point::max()),
      deadline_(deadlines, [this] { on_deadline(); }) {}

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
    deadline_.expires_after(write_timeout_);
    const std::size_t written = co_await transport_->write_some(buffers);
    writing_ = false;
    deadline_.clear();
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
