#include "services/provider_adapter/http/tls.h"

#include <fmt/format.h>
#include <openssl/x509v3.h>

#include "services/common/base/errors.h"

namespace tollgate::upstream {
namespace {

// Asio keeps its own pointer in the context's app data, so ours has an index of its own.
int owner_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

bool is_address(const std::string& host) {
  error_code ec;
  asio::ip::make_address(host, ec);
  return !ec;
}

}  // namespace

Tls::Tls(std::string host)
    : host_(std::move(host)), context_(asio::ssl::context::tls_client), session_(nullptr, SSL_SESSION_free) {}

absl::StatusOr<std::unique_ptr<Tls>> Tls::make(std::string host, const std::string& ca_file) {
  std::unique_ptr<Tls> tls(new Tls(std::move(host)));
  SSL_CTX* context = tls->context_.native_handle();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  error_code ec;
  if (ca_file.empty()) {
    tls->context_.set_default_verify_paths(ec);
  } else {
    tls->context_.load_verify_file(ca_file, ec);
  }
  if (ec) {
    return error(v1::Failure::KIND_INVALID_REQUEST,
                 fmt::format("Certificate authorities in \"{}\" cannot be loaded: {}. Expected a PEM file.",
                             ca_file.empty() ? "the system's store" : ca_file, ec.message()));
  }
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_set_ex_data(context, owner_index(), tls.get());
  SSL_CTX_sess_set_new_cb(context, &Tls::keep_session);
  return tls;
}

int Tls::keep_session(SSL* ssl, SSL_SESSION* session) {
  auto* tls = static_cast<Tls*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), owner_index()));
  tls->session_.reset(session);
  return 1;  // The reference is ours now.
}

void Tls::prepare(SSL* ssl) {
  if (is_address(host_)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host_.c_str());
  } else {
    SSL_set_tlsext_host_name(ssl, host_.c_str());
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    SSL_set1_host(ssl, host_.c_str());
  }
  if (session_)
    SSL_set_session(ssl, session_.get());
}

std::string handshake_error(SSL* ssl, const error_code& ec) {
  const long verified = SSL_get_verify_result(ssl);
  if (verified != X509_V_OK)
    return fmt::format("certificate refused: {}", X509_verify_cert_error_string(verified));
  return ec.message();
}

}  // namespace tollgate::upstream
