// TLS between the suite's processes: each shows a certificate of the suite's authority and demands one.
#pragma once

#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <optional>

#include "services/common/config/config.h"

namespace tollgate {

// Of what a process calls; the certificate there must bear the host that is called. Null without `tls`.
// The files are looked at every minute: new connections show and trust what stands in them then.
std::shared_ptr<grpc::ChannelCredentials> channel_credentials(const std::optional<ServicesTlsConfig>& tls);

// Of what a process serves; a caller without a certificate of the authority's is refused. Null without `tls`.
std::shared_ptr<grpc::ServerCredentials> server_credentials(const std::optional<ServicesTlsConfig>& tls);

}  // namespace tollgate
