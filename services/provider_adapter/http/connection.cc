#include "services/provider_adapter/http/connection.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/write.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/system/system_error.hpp>
#include <cerrno>

namespace tollgate::upstream {
namespace {

// Also the size of a TLS record.
constexpr std::size_t kReadSize = 16 * 1024;
constexpr int kMaxKeepaliveIntervalS = 5;
constexpr int kKeepaliveProbes = 3;
// Data that stays unacknowledged for longer means a dead peer. As long as the keep-alive needs to find one.
constexpr unsigned kUserTimeoutMs = 30000;

void set_options(TcpSocket& socket, std::chrono::seconds keepalive_idle) {
  // A socket that refuses an option still works; so errors are left alone.
  const int fd = socket.native_handle();
  const int on = 1;
  const int idle = static_cast<int>(keepalive_idle.count());
  // The kernel waits for as long after every probe, an answered one too.
  const int interval = std::min(idle, kMaxKeepaliveIntervalS);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &kKeepaliveProbes, sizeof kKeepaliveProbes);
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &kUserTimeoutMs, sizeof kUserTimeoutMs);
}

// Moves the beginning of `pieces` into one string of at most a TLS record, since TLS sends each buffer as a record of
// its own: the head of a request would be a small packet before its body.
std::string fill_record(std::vector<asio::const_buffer>& pieces) {
  std::string record;
  std::size_t taken = 0;
  while (taken < pieces.size() && record.size() < kReadSize) {
    asio::const_buffer& piece = pieces[taken];
    const std::size_t size = std::min(piece.size(), kReadSize - record.size());
    record.append(static_cast<const char*>(piece.data()), size);
    piece += size;
    if (piece.size() == 0)
      ++taken;
  }
  pieces.erase(pieces.begin(), pieces.begin() + static_cast<std::ptrdiff_t>(taken));
  return record;
}

}  // namespace

Connection::Connection(asio::io_context& context, Deadlines& deadlines)
    : socket_(context), deadline_(deadlines, [this] {
        error_code ignored;
        socket_.cancel(ignored);
      }) {}

Connection::~Connection() {
  // No alert is sent, but to OpenSSL a connection without one has failed, and its session could not be resumed.
  if (tls_)
    SSL_set_shutdown(tls_->native_handle(), SSL_SENT_SHUTDOWN);
}

error_code Connection::outcome(error_code ec) const {
  if (ec != asio::error::operation_aborted)
    return ec;
  if (deadline_.expired())
    return boost::beast::error::timeout;
  throw boost::system::system_error(ec);
}

Awaitable<error_code> Connection::connect(Tcp::endpoint endpoint, std::chrono::seconds keepalive_idle) {
  const auto [ec] = co_await socket_.async_connect(endpoint, as_tuple);
  if (!ec)
    set_options(socket_, keepalive_idle);
  co_return outcome(ec);
}

Awaitable<error_code> Connection::handshake(Tls& tls, std::string& reason) {
  tls_.emplace(socket_, tls.context());
  tls.prepare(tls_->native_handle());
  const auto [ec] = co_await tls_->async_handshake(asio::ssl::stream_base::client, as_tuple);
  if (ec)
    reason = handshake_error(tls_->native_handle(), ec);
  co_return outcome(ec);
}

Awaitable<error_code> Connection::write(std::vector<asio::const_buffer> pieces) {
  if (!tls_) {
    const auto [ec, size] = co_await asio::async_write(socket_, pieces, as_tuple);
    co_return outcome(ec);
  }
  const std::string record = fill_record(pieces);
  pieces.insert(pieces.begin(), asio::buffer(record));
  const auto [ec, size] = co_await asio::async_write(*tls_, pieces, as_tuple);
  co_return outcome(ec);
}

Awaitable<error_code> Connection::read() {
  const asio::mutable_buffer space = buffer_.prepare(kReadSize);
  error_code ec;
  std::size_t size = 0;
  if (tls_) {
    std::tie(ec, size) = co_await tls_->async_read_some(space, as_tuple);
  } else {
    std::tie(ec, size) = co_await socket_.async_read_some(space, as_tuple);
  }
  buffer_.commit(size);
  co_return outcome(ec);
}

bool Connection::reusable() {
  if (!socket_.is_open() || buffer_.size() > 0)
    return false;
  char byte;
  const ssize_t size = recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

bool Connection::heard_within(std::chrono::milliseconds time) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (getsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
    return false;
  return std::min(info.tcpi_last_ack_recv, info.tcpi_last_data_recv) <= time.count();
}

}  // namespace tollgate::upstream
