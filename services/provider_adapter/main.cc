// tollgate-adapter: ProviderAdapter over gRPC, speaking to the upstreams.
#include "services/common/base/log.h"
#include "services/common/process/process.h"
#include "services/common/rpc/provider_adapter_rpc.h"
#include "services/common/rpc/server_runtime.h"
#include "services/common/runtime/shards.h"
#include "services/provider_adapter/adapter.h"

namespace tollgate {
namespace {

absl::Status serve(const Config& config) {
  Shards shards(config.threads);
  std::vector<std::unique_ptr<Deadlines>> deadlines;
  std::vector<std::unique_ptr<Adapter>> adapters;
  std::vector<Shard<ProviderAdapter>> implementations;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    asio::io_context& context = shards.at(i);
    deadlines.push_back(std::make_unique<Deadlines>(context));
    absl::StatusOr<std::unique_ptr<Adapter>> adapter = Adapter::make(context, *deadlines.back(), config);
    if (!adapter.ok())
      return adapter.status();
    adapters.push_back(*std::move(adapter));
    implementations.push_back({context.get_executor(), adapters.back().get()});
  }
  ProviderAdapterService service(implementations);
  shards.start();
  {
    RpcServer server({.address = config.listen.grpc, .body_bytes = config.limits.body_bytes});
    server.add(service);
    const absl::Status status = server.start();
    if (!status.ok())
      return status;
    Log(spdlog::level::info, "listening").with("service", "adapter").with("grpc_port", server.port());
    wait_for_termination();
    server.drain(config.timeouts.drain);
  }
  shards.stop();
  return absl::OkStatus();
}

}  // namespace
}  // namespace tollgate

int main(int argc, char** argv) {
  return tollgate::run_service(argc, argv, "Tollgate's provider adapter: speaks to the upstreams", tollgate::serve);
}
