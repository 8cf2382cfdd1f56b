#include "services/tollgate/serve.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <future>
#include <memory>
#include <set>
#include <stop_token>
#include <vector>

#include "gateway/edge.h"
#include "services/budget/budget_shard.h"
#include "services/common/access/guarded.h"
#include "services/common/access/guarded_activity.h"
#include "services/common/base/log.h"
#include "services/common/process/process.h"
#include "services/common/rpc/activity_rpc.h"
#include "services/common/rpc/catalog_rpc.h"
#include "services/common/rpc/keys_rpc.h"
#include "services/common/rpc/messages_rpc.h"
#include "services/common/rpc/routing_rpc.h"
#include "services/common/rpc/server_runtime.h"
#include "services/common/rpc/workspaces_rpc.h"
#include "services/provider_adapter/adapter.h"
#include "services/router/catalog_source.h"
#include "services/router/explain.h"
#include "services/router/health_metrics.h"
#include "services/router/mark_exchange.h"
#include "services/router/settle_all.h"
#include "services/router/table_catalog.h"
#include "services/router/upstream_bounds.h"

namespace tollgate {
namespace {

// The whole way of a request on one shard.
struct Stack {
  Stack(asio::io_context& context, const Config& config, const router::LiveModels& models,
        std::unique_ptr<Adapter> upstreams, std::shared_ptr<router::Health> health,
        std::shared_ptr<router::StickySessions> sticky, std::shared_ptr<ActivityOutlet> outlet)
      : budget(context, config, std::move(outlet)),
        adapter(std::move(upstreams)),
        router(context, models, budget.ledger, budget.keys, *adapter, *health,
               {.streams = config.limits.drained_streams, .time = config.timeouts.abandoned},
               {.sticky = std::move(sticky)}),
        catalog(models, budget.keys),
        explainer(models, budget.keys, std::move(health)),
        keys(budget.keys),
        workspaces(budget.workspaces, budget.keys),
        activity(budget.activity, budget.keys) {}

  BudgetShard budget;
  std::unique_ptr<Adapter> adapter;
  router::Router router;
  router::TableCatalog catalog;
  router::Explainer explainer;
  // For callers from outside.
  GuardedKeys keys;
  GuardedWorkspaces workspaces;
  GuardedActivity activity;
};

}  // namespace

absl::Status serve_all(const Config& config) {
  const absl::StatusOr<std::unique_ptr<router::CatalogSource>> source = router::CatalogSource::open(config);
  if (!source.ok())
    return source.status();
  const router::LiveModels models = (*source)->models();
  if (models.get()->models().empty())
    return absl::InvalidArgumentError(
        "The catalog is empty: the built-in one knows upstreams by their names, such as \"anthropic\" or \"openai\"; "
        "configure one of them, or give a catalog.file of your own. `tollgate catalog show` lists the names.");

  const auto outlet = make_outlet(config.budget.activity);
  if (!outlet.ok())
    return outlet.status();
  const auto health = std::make_shared<router::Health>(router::upstream_bounds(config));
  const auto health_metrics = router::add_health_metrics(telemetry(), *health, [models] { return models.get(); });
  // Conversations come to any shard.
  const auto sticky = std::make_shared<router::StickySessions>();
  Shards shards(config.threads);
  std::vector<std::unique_ptr<Deadlines>> deadlines;
  std::vector<std::unique_ptr<Stack>> stacks;
  std::vector<EdgeServices> edge_services;
  std::vector<Shard<Messages>> messages;
  std::vector<Shard<Catalog>> catalogs;
  std::vector<Shard<Routing>> routings;
  std::vector<Shard<Keys>> keys;
  std::vector<Shard<Workspaces>> workspaces;
  std::vector<Shard<Activity>> activities;
  std::vector<std::pair<Executor, router::Router*>> settling;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    asio::io_context& context = shards.at(i);
    deadlines.push_back(std::make_unique<Deadlines>(context));
    absl::StatusOr<std::unique_ptr<Adapter>> adapter = Adapter::make(context, *deadlines.back(), config);
    if (!adapter.ok())
      return adapter.status();
    stacks.push_back(std::make_unique<Stack>(context, config, models, *std::move(adapter), health, sticky, *outlet));
    Stack& stack = *stacks.back();
    edge_services.push_back({.messages = &stack.router,
                             .catalog = &stack.catalog,
                             .keys = &stack.budget.keys,
                             .workspaces = &stack.budget.workspaces,
                             .activity = &stack.budget.activity,
                             .sign_ins = &stack.budget.sign_ins});
    messages.push_back({context.get_executor(), &stack.router});
    catalogs.push_back({context.get_executor(), &stack.catalog});
    routings.push_back({context.get_executor(), &stack.explainer});
    keys.push_back({context.get_executor(), &stack.keys});
    workspaces.push_back({context.get_executor(), &stack.workspaces});
    activities.push_back({context.get_executor(), &stack.activity});
    settling.emplace_back(context.get_executor(), &stack.router);
  }
  stacks[0]->budget.start_housekeeping(shards.at(0));
  router::MarkExchange exchange(shards.at(0), stacks[0]->budget.marks, *health);
  asio::co_spawn(shards.at(0), exchange.run(), asio::detached);

  MessagesService messages_service(messages);
  CatalogService catalog_service(catalogs);
  RoutingService routing_service(routings);
  KeysService keys_service(keys);
  WorkspacesService workspaces_service(workspaces);
  ActivityService activity_service(activities);
  Edge edge(config, shards, edge_services);
  (*source)->start();
  shards.start();
  std::stop_token haste;
  auto start = std::chrono::steady_clock::now();
  absl::Status status = edge.listen();
  if (status.ok()) {
    RpcServer server({.address = config.listen.grpc, .body_bytes = config.limits.body_bytes});
    server.add(messages_service);
    server.add(catalog_service);
    server.add(routing_service);
    server.add(keys_service);
    server.add(workspaces_service);
    server.add(activity_service);
    if (!config.listen.grpc.empty())
      status = server.start();
    if (status.ok()) {
      Log(spdlog::level::info, "listening")
          .with("service", "tollgate")
          .with("http_port", edge.port())
          .with("grpc_port", server.port());
      haste = wait_for_termination();
      start = std::chrono::steady_clock::now();
    }
    // Both at once: each closes its listener now.
    const std::future<void> rpc = std::async(std::launch::async, [&] { server.drain(config.timeouts.drain, haste); });
    edge.drain(config.timeouts.drain, haste);
    rpc.wait();
  }
  router::settle_all(settling, left_to_settle(config, start), haste);
  shards.stop();
  return status;
}

}  // namespace tollgate
