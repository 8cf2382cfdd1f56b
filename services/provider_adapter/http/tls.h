// TLS towards one upstream: the certificate chain and the host name are always verified, TLS 1.2 at least, sessions are
// resumed.
#pragma once

#include <openssl/ssl.h>

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "services/common/async.h"

namespace tollgate::upstream {

// Used on one shard; outlives the connections made with it.
class Tls {
 public:
  // `ca_file`: PEM file of the authorities to trust; empty: the system's. Fails when it cannot be read.
  static absl::StatusOr<std::unique_ptr<Tls>> make(std::string host, const std::string& ca_file);
  Tls(const Tls&) = delete;
  Tls& operator=(const Tls&) = delete;

  asio::ssl::context& context() { return context_; }
  // Readies a connection that has not shaken hands: server name, expected host, the last session.
  void prepare(SSL* ssl);

 private:
  explicit Tls(std::string host);
  static int keep_session(SSL* ssl, SSL_SESSION* session);

  std::string host_;
  asio::ssl::context context_;
  std::unique_ptr<SSL_SESSION, void (*)(SSL_SESSION*)> session_;
};

// Why a handshake failed, in words: what is wrong with the certificate, where that is the reason.
std::string handshake_error(SSL* ssl, const error_code& ec);

}  // namespace tollgate::upstream
