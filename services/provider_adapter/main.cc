// tollgate-adapter: ProviderAdapter over gRPC, speaking to the upstreams.
#include "services/common/process/process.h"
#include "services/common/process/serve_rpc.h"
#include "services/common/rpc/provider_adapter_rpc.h"
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
  const absl::Status status = serve_rpc(config, "adapter", {&service});
  shards.stop();
  return status;
}

}  // namespace
}  // namespace tollgate

int main(int argc, char** argv) {
  return tollgate::run_service(argc, argv, "adapter", "Tollgate's provider adapter: speaks to the upstreams",
                               tollgate::Secrets::kAll, tollgate::serve);
}
