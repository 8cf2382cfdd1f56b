#include "services/common/rpc/tls.h"

#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

namespace tollgate {
namespace {

namespace grpc_tls = grpc::experimental;

constexpr unsigned kRefreshSeconds = 60;

std::shared_ptr<grpc_tls::CertificateProviderInterface> watch(const ServicesTlsConfig& tls) {
  return std::make_shared<grpc_tls::FileWatcherCertificateProvider>(tls.key_file, tls.certificate_file, tls.ca_file,
                                                                    kRefreshSeconds);
}

// What both ends do: show the certificate in the files, and trust their authority alone.
void use_both(grpc_tls::TlsCredentialsOptions& options) {
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
}

}  // namespace

std::shared_ptr<grpc::ChannelCredentials> channel_credentials(const std::optional<ServicesTlsConfig>& tls) {
  if (!tls)
    return nullptr;
  grpc_tls::TlsChannelCredentialsOptions options;
  options.set_certificate_provider(watch(*tls));
  use_both(options);
  return grpc_tls::TlsCredentials(options);
}

std::shared_ptr<grpc::ServerCredentials> server_credentials(const std::optional<ServicesTlsConfig>& tls) {
  if (!tls)
    return nullptr;
  grpc_tls::TlsServerCredentialsOptions options(watch(*tls));
  use_both(options);
  options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  return grpc_tls::TlsServerCredentials(options);
}

}  // namespace tollgate
