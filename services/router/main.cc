// tollgate-router: Messages and Catalog over gRPC; Keys and Workspaces, too, for those who show a management key,
// and Activity.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "services/common/access/guarded.h"
#include "services/common/access/guarded_activity.h"
#include "services/common/process/process.h"
#include "services/common/process/serve_rpc.h"
#include "services/common/rpc/activity_rpc.h"
#include "services/common/rpc/catalog_rpc.h"
#include "services/common/rpc/channel.h"
#include "services/common/rpc/keys_rpc.h"
#include "services/common/rpc/ledger_rpc.h"
#include "services/common/rpc/marks_rpc.h"
#include "services/common/rpc/messages_rpc.h"
#include "services/common/rpc/provider_adapters.h"
#include "services/common/rpc/routing_rpc.h"
#include "services/common/rpc/tls.h"
#include "services/common/rpc/workspaces_rpc.h"
#include "services/common/runtime/shards.h"
#include "services/router/catalog_source.h"
#include "services/router/explain.h"
#include "services/router/health_metrics.h"
#include "services/router/mark_exchange.h"
#include "services/router/router.h"
#include "services/router/settle_all.h"
#include "services/router/table_catalog.h"
#include "services/router/upstream_bounds.h"

namespace tollgate {
namespace {

constexpr std::chrono::milliseconds kLedgerDeadline{5000};
constexpr std::chrono::milliseconds kActivityDeadline{30'000};

absl::Status serve(const Config& config) {
  if (config.services.budget.empty())
    return absl::InvalidArgumentError("services.budget: the router needs its address");
  const absl::StatusOr<std::unique_ptr<router::CatalogSource>> source = router::CatalogSource::open(config);
  if (!source.ok())
    return source.status();
  const router::LiveModels models = (*source)->models();

  const ChannelOptions channel{.body_bytes = config.limits.body_bytes,
                               .credentials = channel_credentials(config.services.tls)};
  const auto budget = make_channel(config.services.budget, channel);
  LedgerClient ledger(budget, kLedgerDeadline);
  KeysClient keys(budget, kLedgerDeadline);
  WorkspacesClient workspaces(budget, kLedgerDeadline);
  ActivityClient activity(budget, kActivityDeadline);
  GuardedKeys guarded_keys(keys);
  GuardedWorkspaces guarded_workspaces(workspaces, keys);
  GuardedActivity guarded_activity(activity, keys);
  const auto adapter = make_provider_adapter(config, channel);
  if (!adapter.ok())
    return adapter.status();

  const router::DrainOptions drains{.streams = config.limits.drained_streams, .time = config.timeouts.abandoned};
  const auto health = std::make_shared<router::Health>(router::upstream_bounds(config));
  const auto health_metrics = router::add_health_metrics(telemetry(), *health, [models] { return models.get(); });
  Shards shards(config.threads);
  std::vector<std::unique_ptr<router::Router>> routers;
  const auto sticky = std::make_shared<router::StickySessions>();
  router::TableCatalog catalog(models, keys);
  router::Explainer explainer(models, keys, health);
  std::vector<Shard<Messages>> messages;
  std::vector<Shard<Catalog>> catalogs;
  std::vector<Shard<Routing>> routings;
  std::vector<Shard<Keys>> managed_keys;
  std::vector<Shard<Workspaces>> managed_workspaces;
  std::vector<Shard<Activity>> activities;
  std::vector<std::pair<Executor, router::Router*>> settling;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    asio::io_context& context = shards.at(i);
    routers.push_back(std::make_unique<router::Router>(context, models, ledger, keys, **adapter, *health, drains,
                                                       router::SelectionParts{.sticky = sticky}));
    messages.push_back({context.get_executor(), routers.back().get()});
    catalogs.push_back({context.get_executor(), &catalog});
    routings.push_back({context.get_executor(), &explainer});
    managed_keys.push_back({context.get_executor(), &guarded_keys});
    managed_workspaces.push_back({context.get_executor(), &guarded_workspaces});
    activities.push_back({context.get_executor(), &guarded_activity});
    settling.emplace_back(context.get_executor(), routers.back().get());
  }
  // Ends before the shards do: a call is under way at most times.
  MarksClient marks(budget, kLedgerDeadline);
  router::MarkExchange exchange(shards.at(0), marks, *health);
  asio::co_spawn(shards.at(0), exchange.run(), asio::detached);
  MessagesService messages_service(messages);
  CatalogService catalog_service(catalogs);
  RoutingService routing_service(routings);
  KeysService keys_service(managed_keys);
  WorkspacesService workspaces_service(managed_workspaces);
  ActivityService activity_service(activities);
  (*source)->start();
  shards.start();
  const absl::Status status = serve_rpc(
      config, "router",
      {&messages_service, &catalog_service, &routing_service, &keys_service, &workspaces_service, &activity_service},
      [&settling](std::chrono::milliseconds time, const std::stop_token& haste) {
        router::settle_all(settling, time, haste);
      });
  shards.stop();
  return status;
}

}  // namespace
}  // namespace tollgate

int main(int argc, char** argv) {
  return tollgate::run_service(argc, argv, "router",
                               "Tollgate's router: chooses who serves a request, and settles what it cost",
                               tollgate::Secrets::kWithoutUpstreams, tollgate::serve);
}
