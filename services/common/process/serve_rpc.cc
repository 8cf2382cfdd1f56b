#include "services/common/process/serve_rpc.h"

#include "services/common/base/log.h"
#include "services/common/process/process.h"
#include "services/common/rpc/server_runtime.h"
#include "services/common/rpc/tls.h"

namespace tollgate {

absl::Status serve_rpc(const Config& config, std::string_view name, const std::vector<grpc::Service*>& services,
                       const AfterDrain& after) {
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
  const std::stop_token haste = wait_for_termination();
  const auto start = std::chrono::steady_clock::now();
  probes.drain(std::chrono::milliseconds(0));
  server.drain(config.timeouts.drain, haste);
  if (after)
    after(left_to_settle(config, start), haste);
  return status;
}

}  // namespace tollgate
