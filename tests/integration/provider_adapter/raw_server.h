// An upstream whose every byte the test writes: blocking sockets on threads of their own, plain or TLS.
#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace tollgate::test {

struct TlsFiles {
  std::string certificate;
  std::string key;
};

// One accepted connection. All calls block, for 20 s at most.
class Peer {
 public:
  Peer(int fd, SSL* ssl) : fd_(fd), ssl_(ssl) {}
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  // Head and body (of content-length) of the next request; empty when the client closed.
  std::string read_request();
  void send(std::string_view bytes);
  // As much as the client takes; returns when all is sent or nothing could be sent for `patience`.
  std::size_t send_until_blocked(std::string_view bytes, std::chrono::milliseconds patience);
  // Closes with a reset instead of an end.
  void reset();
  // True once the client has closed its side, within `patience`.
  bool wait_closed(std::chrono::milliseconds patience);
  bool resumed() const { return ssl_ && SSL_session_reused(ssl_); }
  std::string server_name() const;

 private:
  std::size_t receive(char* data, std::size_t size);

  int fd_;
  SSL* ssl_;
  std::string buffer_;
};

class RawServer {
 public:
  // Called on a thread of its own for each connection, numbered from 0; returning closes the connection.
  using Script = std::function<void(Peer&, int)>;

  explicit RawServer(Script script, const TlsFiles* tls = nullptr);
  ~RawServer();
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;

  int port() const { return port_; }
  std::string url() const;
  int connections() const { return connections_; }

 private:
  void accept_all();

  Script script_;
  std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> tls_;
  int listener_;
  int port_ = 0;
  std::atomic<int> connections_{0};
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace tollgate::test
