// tollgate-gateway: the HTTP edge in front of a router and a budget service.
#include "gateway/edge.h"
#include "services/common/base/log.h"
#include "services/common/process/process.h"
#include "services/common/rpc/activity_rpc.h"
#include "services/common/rpc/catalog_rpc.h"
#include "services/common/rpc/channel.h"
#include "services/common/rpc/keys_rpc.h"
#include "services/common/rpc/messages_rpc.h"
#include "services/common/rpc/server_runtime.h"
#include "services/common/rpc/sign_ins_rpc.h"
#include "services/common/rpc/tls.h"
#include "services/common/rpc/workspaces_rpc.h"

namespace tollgate {
namespace {

constexpr std::chrono::milliseconds kDeadline{5000};
// A query may read many records.
constexpr std::chrono::milliseconds kActivityDeadline{30'000};

absl::Status serve(const Config& config) {
  if (config.services.router.empty() || config.services.budget.empty())
    return absl::InvalidArgumentError("services.router and services.budget: the gateway needs both addresses");
  const ChannelOptions channel{.body_bytes = config.limits.body_bytes,
                               .credentials = channel_credentials(config.services.tls)};
  const auto router = make_channel(config.services.router, channel);
  MessagesClient messages(router);
  CatalogClient catalog(router, kDeadline);
  const auto budget = make_channel(config.services.budget, channel);
  KeysClient keys(budget, kDeadline);
  WorkspacesClient workspaces(budget, kDeadline);
  ActivityClient activity(budget, kActivityDeadline);
  SignInsClient sign_ins(budget, kDeadline);

  Shards shards(config.threads);
  const EdgeServices services{.messages = &messages,
                              .catalog = &catalog,
                              .keys = &keys,
                              .workspaces = &workspaces,
                              .activity = &activity,
                              .sign_ins = &sign_ins};
  Edge edge(config, shards, std::vector<EdgeServices>(shards.size(), services));
  shards.start();
  // Health and reflection only.
  RpcServer server({.address = config.listen.grpc});
  absl::Status status = config.listen.grpc.empty() ? absl::OkStatus() : server.start();
  if (status.ok())
    status = edge.listen();
  if (status.ok()) {
    Log(spdlog::level::info, "listening")
        .with("service", "gateway")
        .with("http_port", edge.port())
        .with("grpc_port", server.port());
    const std::stop_token haste = wait_for_termination();
    server.drain(std::chrono::milliseconds(0));
    edge.drain(config.timeouts.drain, haste);
  }
  shards.stop();
  return status;
}

}  // namespace
}  // namespace tollgate

int main(int argc, char** argv) {
  return tollgate::run_service(argc, argv, "gateway", "Tollgate's gateway: the HTTP edge",
                               tollgate::Secrets::kWithoutUpstreams, tollgate::serve);
}
