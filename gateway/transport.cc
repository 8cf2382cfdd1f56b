#include "gateway/transport.h"

#include <algorithm>
#include <boost/asio/ssl/stream.hpp>
#include <utility>
#include <vector>

namespace tollgate {
namespace {

template <class Stream>
void start_read_on(Stream& stream, asio::mutable_buffer buffer, std::shared_ptr<ReadListener> listener) {
  stream.async_read_some(buffer, [listener = std::move(listener)](error_code error, std::size_t bytes) {
    listener->on_read(error, bytes);
  });
}

class PlainTransport final : public Transport {
 public:
  explicit PlainTransport(TcpSocket socket) : socket_(std::move(socket)) {}

  Awaitable<bool> handshake() override { co_return true; }

  void start_read(asio::mutable_buffer buffer, std::shared_ptr<ReadListener> listener) override {
    start_read_on(socket_, buffer, std::move(listener));
  }

  Awaitable<std::size_t> write_some(const Gather& buffers) override {
    const auto [error, written] = co_await socket_.async_write_some(buffers, as_tuple);
    co_return error ? 0 : written;
  }

  Awaitable<void> end() override {
    error_code ignored;
    socket_.shutdown(TcpSocket::shutdown_send, ignored);
    co_return;
  }

  TcpSocket& socket() override { return socket_; }

 private:
  TcpSocket socket_;
};

class TlsTransport final : public Transport {
 public:
  TlsTransport(TcpSocket socket, asio::ssl::context& context) : stream_(std::move(socket), context) {}

  Awaitable<bool> handshake() override {
    const auto [error] = co_await stream_.async_handshake(asio::ssl::stream_base::server, as_tuple);
    co_return !error;
  }

  void start_read(asio::mutable_buffer buffer, std::shared_ptr<ReadListener> listener) override {
    start_read_on(stream_, buffer, std::move(listener));
  }

  // One record at a time: a record of its own for each of three small buffers would cost more than copying them.
  Awaitable<std::size_t> write_some(const Gather& buffers) override {
    record_.resize(std::min(kRecordBytes, asio::buffer_size(buffers)));
    asio::buffer_copy(asio::buffer(record_), buffers);
    const auto record = asio::buffer(std::as_const(record_));
    const auto [error, written] = co_await stream_.async_write_some(record, as_tuple);
    co_return error ? 0 : written;
  }

  Awaitable<void> end() override {
    co_await stream_.async_shutdown(as_tuple);
    error_code ignored;
    stream_.next_layer().shutdown(TcpSocket::shutdown_send, ignored);
  }

  TcpSocket& socket() override { return stream_.next_layer(); }

 private:
  static constexpr std::size_t kRecordBytes = 16 * 1024;
  asio::ssl::stream<TcpSocket> stream_;
  std::vector<char> record_;
};

}  // namespace

Awaitable<std::size_t> Transport::read_ahead(asio::mutable_buffer buffer) {
  const auto [error, bytes] = co_await socket().async_read_some(buffer, as_tuple);
  co_return error ? 0 : bytes;
}

void Transport::cancel() {
  error_code ignored;
  socket().cancel(ignored);
}

void Transport::close() {
  error_code ignored;
  socket().close(ignored);
}

std::unique_ptr<Transport> make_plain_transport(TcpSocket socket) {
  return std::make_unique<PlainTransport>(std::move(socket));
}

std::unique_ptr<Transport> make_tls_transport(TcpSocket socket, asio::ssl::context& context) {
  return std::make_unique<TlsTransport>(std::move(socket), context);
}

}  // namespace tollgate
