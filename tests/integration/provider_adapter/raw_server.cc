#include "raw_server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <csignal>
#include <cstdlib>
#include <stdexcept>

namespace tollgate::test {

using std::chrono::milliseconds;

Peer::~Peer() {
  if (ssl_) {
    SSL_shutdown(ssl_);
    SSL_free(ssl_);
  }
}

std::size_t Peer::receive(char* data, std::size_t size) {
  if (ssl_) {
    const int got = SSL_read(ssl_, data, static_cast<int>(size));
    return got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  const ssize_t got = recv(fd_, data, size, 0);
  return got > 0 ? static_cast<std::size_t>(got) : 0;
}

std::string Peer::read_request() {
  std::size_t size = std::string::npos;
  for (;;) {
    const std::size_t blank = buffer_.find("\r\n\r\n");
    if (blank != buffer_.npos && size == std::string::npos) {
      std::string head = buffer_.substr(0, blank);
      std::transform(head.begin(), head.end(), head.begin(), [](unsigned char c) { return std::tolower(c); });
      const std::size_t length = head.find("content-length: ");
      size = blank + 4 + (length == head.npos ? 0 : std::strtoull(head.c_str() + length + 16, nullptr, 10));
    }
    if (buffer_.size() >= size) {
      const std::string request = buffer_.substr(0, size);
      buffer_.erase(0, size);
      return request;
    }
    char chunk[65536];
    const std::size_t got = receive(chunk, sizeof chunk);
    if (got == 0)
      return "";
    buffer_.append(chunk, got);
  }
}

void Peer::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ssl_ ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                              : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0)
      return;  // The client has gone, as some tests want it.
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::size_t Peer::send_until_blocked(std::string_view bytes, milliseconds patience) {
  std::size_t total = 0;
  while (total < bytes.size()) {
    pollfd poll_fd{fd_, POLLOUT, 0};
    if (poll(&poll_fd, 1, static_cast<int>(patience.count())) <= 0)
      break;
    const ssize_t sent = ::send(fd_, bytes.data() + total, bytes.size() - total, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent <= 0)
      break;
    total += static_cast<std::size_t>(sent);
  }
  return total;
}

void Peer::reset() {
  const linger now{1, 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

bool Peer::wait_closed(milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  for (;;) {
    const auto left = std::chrono::duration_cast<milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0)
      return false;
    pollfd poll_fd{fd_, POLLIN, 0};
    if (poll(&poll_fd, 1, static_cast<int>(left.count())) <= 0)
      return false;
    char chunk[4096];
    if (recv(fd_, chunk, sizeof chunk, 0) <= 0)
      return true;
  }
}

std::string Peer::server_name() const {
  const char* name = ssl_ ? SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name) : nullptr;
  return name ? name : "";
}

RawServer::RawServer(Script script, const TlsFiles* tls)
    : script_(std::move(script)), tls_(nullptr, SSL_CTX_free), listener_(socket(AF_INET, SOCK_STREAM, 0)) {
  // OpenSSL writes without MSG_NOSIGNAL.
  std::signal(SIGPIPE, SIG_IGN);
  if (tls) {
    tls_.reset(SSL_CTX_new(TLS_server_method()));
    if (SSL_CTX_use_certificate_chain_file(tls_.get(), tls->certificate.c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls_.get(), tls->key.c_str(), SSL_FILETYPE_PEM) != 1)
      throw std::runtime_error("certificate or key cannot be loaded");
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, 128) != 0 ||
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("cannot listen on the loopback");
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

RawServer::~RawServer() {
  stopping_ = true;
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  {
    const std::lock_guard lock(mutex_);
    for (const int fd : open_)
      shutdown(fd, SHUT_RDWR);
  }
  for (std::thread& thread : threads_)
    thread.join();
  close(listener_);
}

std::string RawServer::url() const {
  return (tls_ ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port_);
}

void RawServer::accept_all() {
  for (;;) {
    const int fd = accept(listener_, nullptr, nullptr);
    if (fd < 0 || stopping_) {
      if (fd >= 0)
        close(fd);
      return;
    }
    const timeval patience{20, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    const int number = connections_++;
    const std::lock_guard lock(mutex_);
    open_.push_back(fd);
    threads_.emplace_back([this, fd, number] {
      SSL* ssl = nullptr;
      bool ready = true;
      if (tls_) {
        ssl = SSL_new(tls_.get());
        SSL_set_fd(ssl, fd);
        ready = SSL_accept(ssl) == 1;
      }
      {
        Peer peer(fd, ssl);
        if (ready)
          script_(peer, number);
      }
      const std::lock_guard closing(mutex_);
      std::erase(open_, fd);
      close(fd);
    });
  }
}

}  // namespace tollgate::test
