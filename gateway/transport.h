// A client's byte stream, plain or TLS. On the thread of its shard.
#pragma once

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>
#include <memory>

#include "services/common/async.h"

namespace tollgate {

// Written as one: a chunk's head, its bytes, its end. Unused ones are empty.
using Gather = std::array<asio::const_buffer, 3>;

// The result of a read; 0 bytes come with an error only.
struct ReadListener {
  virtual ~ReadListener() = default;
  virtual void on_read(error_code error, std::size_t bytes) = 0;
};

// One read and one write may be under way at a time. Coroutine methods give errors as values.
class Transport {
 public:
  virtual ~Transport() = default;
  // Reads bytes that come before the client's own, before the handshake. 0: nothing comes any more.
  Awaitable<std::size_t> read_ahead(asio::mutable_buffer buffer);
  virtual Awaitable<bool> handshake() = 0;
  // Calls the listener once, not before this returns. `buffer` and the listener live until then.
  virtual void start_read(asio::mutable_buffer buffer, std::shared_ptr<ReadListener> listener) = 0;
  // Writes some of it; 0: the client cannot be reached.
  virtual Awaitable<std::size_t> write_some(const Gather& buffers) = 0;
  // Tells the client that nothing more will come. TLS: and waits for the same from it, which fails while the client is
  // still sending. No read may be under way.
  virtual Awaitable<void> end() = 0;
  virtual TcpSocket& socket() = 0;

  // Ends what is under way with an error.
  void cancel();
  void close();
};

std::unique_ptr<Transport> make_plain_transport(TcpSocket socket);
std::unique_ptr<Transport> make_tls_transport(TcpSocket socket, asio::ssl::context& context);

}  // namespace tollgate
