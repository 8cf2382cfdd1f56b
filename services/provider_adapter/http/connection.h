// One connection to an upstream, plain or TLS.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <optional>
#include <string>
#include <vector>

#include "services/common/async.h"
#include "services/common/runtime/deadlines.h"
#include "services/provider_adapter/http/tls.h"

namespace tollgate::upstream {

// Used on one shard; the destructor closes the socket at once. Operations end with beast::error::timeout when the
// deadline passed, and throw operation_aborted when the coroutine was cancelled.
class Connection {
 public:
  Connection(asio::io_context& context, Deadlines& deadlines);
  ~Connection();

  // `keepalive_idle`: silence after which the kernel probes the peer, so that a dead one is noticed, and a live one
  // known to be alive.
  Awaitable<error_code> connect(Tcp::endpoint endpoint, std::chrono::seconds keepalive_idle);
  // After connect(), for an upstream with TLS. `reason` says why it failed.
  Awaitable<error_code> handshake(Tls& tls, std::string& reason);

  // All pieces in their order: over TCP gathered into one system call, as far as the socket takes them.
  Awaitable<error_code> write(std::vector<asio::const_buffer> pieces);
  // Appends to buffer() what comes next, at least one byte.
  Awaitable<error_code> read();
  boost::beast::flat_buffer& buffer() { return buffer_; }

  // Of the operation under way.
  Deadline& deadline() { return deadline_; }
  // True while an unused connection may be used again: open, and nothing arrived that nobody asked for.
  bool reusable();
  // True if the peer's kernel sent data or acknowledged something not longer ago than this.
  bool heard_within(std::chrono::milliseconds time);

 private:
  error_code outcome(error_code ec) const;

  TcpSocket socket_;
  std::optional<asio::ssl::stream<TcpSocket&>> tls_;
  boost::beast::flat_buffer buffer_;
  Deadline deadline_;
};

}  // namespace tollgate::upstream
