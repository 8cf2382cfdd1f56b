// One accepted connection, plain or TLS.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <optional>

#include "services/common/async.h"

namespace tollgate::simulator {

// Lives on its shard's thread. One read and one write may be under way at once. Every operation can be cancelled; one
// that failed leaves a connection of no further use.
class Transport {
 public:
  // `tls` null: plain; else it outlives the transport.
  Transport(TcpSocket socket, asio::ssl::context* tls);

  // The TLS handshake; nothing on a plain connection.
  Awaitable<error_code> handshake();
  // (error, bytes); (asio::error::eof, 0) once the peer is done.
  Awaitable<std::pair<error_code, std::size_t>> read_some(asio::mutable_buffer buffer);
  // (error, bytes that the kernel took).
  Awaitable<std::pair<error_code, std::size_t>> write(asio::const_buffer buffer);

  // Ends the connection in order: what was written is delivered.
  void close();
  // Ends it with a TCP reset.
  void reset();

  Executor get_executor() { return socket_.get_executor(); }

 private:
  TcpSocket socket_;
  std::optional<asio::ssl::stream<TcpSocket&>> tls_;
};

}  // namespace tollgate::simulator
