#include "services/common/process/serve_rpc.h"

#include "services/common/base/log.h"
#include "services/common/process/process.h"
#include "services/common/rpc/server_runtime.h"
#include "services/common/rpc/tls.h"

namespace tollgate {

absl::Status serve_rpc(const Config& config, std::string_view name, const std::vector<grpc::Service*>& services) {
  RpcServer server({.address = config.listen.grpc,
                    .body_bytes = config.limits.body_bytes,
                    .credentials = server_credentials(config.services.tls)});
  for (grpc::Service* service : services)
    server.add(*service);
  absl::Status status = server.start();
  if (!status.ok())
    return status;
  // Health and reflection only.
  RpcServer probes({.address = config.listen.health});
  if (!config.listen.health.empty())
    status = probes.start();
  if (!status.ok())
    return status;
  Log(spdlog::level::info, "listening").with("service", name).with("grpc_port", server.port());
  wait_for_termination();
  probes.drain(std::chrono::milliseconds(0));
  server.drain(config.timeouts.drain);
  return status;
}

}  // namespace tollgate
