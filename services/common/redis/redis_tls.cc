#include "services/common/redis/redis_tls.h"

#include "services/common/base/errors.h"

#if TOLLGATE_REDIS_TLS

#include <fmt/format.h>
#include <hiredis/async.h>
#include <hiredis/hiredis_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>

namespace tollgate {
namespace {

absl::Status cannot(std::string_view what) {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return error(v1::Failure::KIND_UNAVAILABLE, fmt::format("{}: {}", what, reason == nullptr ? "unusable" : reason));
}

}  // namespace

absl::StatusOr<ssl_st*> start_tls(redisAsyncContext& context, const RedisTlsConfig& config, const std::string& host) {
  ERR_clear_error();
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> settings(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
  if (!settings)
    return cannot("TLS");
  SSL_CTX_set_min_proto_version(settings.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(settings.get(), SSL_VERIFY_PEER, nullptr);
  if (config.ca_file.empty() ? SSL_CTX_set_default_verify_paths(settings.get()) != 1
                             : SSL_CTX_load_verify_locations(settings.get(), config.ca_file.c_str(), nullptr) != 1)
    return cannot(fmt::format("redis.tls.ca_file {}", config.ca_file));
  if (!config.certificate_file.empty()) {
    if (SSL_CTX_use_certificate_chain_file(settings.get(), config.certificate_file.c_str()) != 1)
      return cannot(fmt::format("redis.tls.certificate_file {}", config.certificate_file));
    if (SSL_CTX_use_PrivateKey_file(settings.get(), config.key_file.c_str(), SSL_FILETYPE_PEM) != 1)
      return cannot(fmt::format("redis.tls.key_file {}", config.key_file));
  }

  std::unique_ptr<SSL, decltype(&SSL_free)> tls(SSL_new(settings.get()), &SSL_free);
  if (!tls)
    return cannot("TLS");
  // hiredis itself would take any certificate of the authority.
  const std::string& name = config.server_name.empty() ? host : config.server_name;
  if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls.get()), name.c_str()) != 1) {
    ERR_clear_error();
    if (SSL_set1_host(tls.get(), name.c_str()) != 1 || SSL_set_tlsext_host_name(tls.get(), name.c_str()) != 1)
      return cannot(fmt::format("the server name {}", name));
  }
  if (redisInitiateSSL(&context.c, tls.get()) != REDIS_OK) {
    const std::string problem = tls_problem(*tls);
    return error(v1::Failure::KIND_UNAVAILABLE, problem.empty() ? context.c.errstr : problem);
  }
  return tls.release();
}

std::string tls_problem(ssl_st& tls) {
  if (const long verdict = SSL_get_verify_result(&tls); verdict != X509_V_OK)
    return fmt::format("its certificate is refused: {}", X509_verify_cert_error_string(verdict));
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  return reason == nullptr ? std::string() : fmt::format("TLS: {}", reason);
}

}  // namespace tollgate

#else

namespace tollgate {

absl::StatusOr<ssl_st*> start_tls(redisAsyncContext&, const RedisTlsConfig&, const std::string&) {
  return error(v1::Failure::KIND_UNAVAILABLE, "redis.tls: this build cannot speak TLS to Redis");
}

std::string tls_problem(ssl_st&) {
  return {};
}

}  // namespace tollgate

#endif
