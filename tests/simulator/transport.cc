#include "tests/simulator/transport.h"

#include <boost/asio/write.hpp>

namespace tollgate::simulator {

Transport::Transport(TcpSocket socket, asio::ssl::context* tls) : socket_(std::move(socket)) {
  error_code ignored;
  socket_.set_option(Tcp::no_delay(true), ignored);
  if (tls)
    tls_.emplace(socket_, *tls);
}

Awaitable<error_code> Transport::handshake() {
  if (!tls_)
    co_return error_code();
  auto [error] = co_await tls_->async_handshake(asio::ssl::stream_base::server, as_tuple);
  co_return error;
}

Awaitable<std::pair<error_code, std::size_t>> Transport::read_some(asio::mutable_buffer buffer) {
  if (tls_) {
    auto [error, size] = co_await tls_->async_read_some(buffer, as_tuple);
    co_return std::pair(error, size);
  }
  auto [error, size] = co_await socket_.async_read_some(buffer, as_tuple);
  co_return std::pair(error, size);
}

Awaitable<std::pair<error_code, std::size_t>> Transport::write(asio::const_buffer buffer) {
  if (tls_) {
    auto [error, size] = co_await asio::async_write(*tls_, buffer, as_tuple);
    co_return std::pair(error, size);
  }
  auto [error, size] = co_await asio::async_write(socket_, buffer, as_tuple);
  co_return std::pair(error, size);
}

void Transport::close() {
  error_code ignored;
  socket_.shutdown(Tcp::socket::shutdown_send, ignored);
  socket_.close(ignored);
}

void Transport::reset() {
  error_code ignored;
  socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  socket_.close(ignored);
}

}  // namespace tollgate::simulator
