#include "services/tollgate/check_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "services/common/process/process.h"
#include "services/common/redis/make_redis.h"
#include "services/provider_adapter/adapter.h"
#include "services/router/catalog.h"
#include "services/tollgate/run_to_end.h"

namespace tollgate {
namespace {

struct Options {
  ConfigOptions config;
  bool json = false;
};

struct Finding {
  std::string what;
  bool ok;
  std::string detail;
};

Finding check_catalog(const Config& config) {
  const auto models =
      router::ModelTable::load(config.catalog_file, config.upstream_names(), config.upstream_features());
  if (!models.ok())
    return {"catalog", false, std::string(models.status().message())};
  const std::size_t count = (*models)->models().size();
  return {"catalog", count > 0, count > 0 ? fmt::format("{} models", count) : "no model has a configured upstream"};
}

Finding check_redis(asio::io_context& context, const Config& config) {
  const std::unique_ptr<Redis> redis = make_redis(context, config.redis);
  const absl::StatusOr<RedisReply> reply = run_to_end(context, redis->command({"PING"}));
  if (!reply.ok())
    return {"redis", false, std::string(reply.status().message())};
  const absl::Status status = status_of(*reply);
  return {"redis", status.ok(), status.ok() ? describe(config.redis) : std::string(status.message())};
}

void check_upstreams(asio::io_context& context, const Config& config, std::vector<Finding>& findings) {
  Deadlines deadlines(context);
  const auto adapter = Adapter::make(context, deadlines, config);
  if (!adapter.ok()) {
    findings.push_back({"upstreams", false, std::string(adapter.status().message())});
    return;
  }
  for (const auto& [name, upstream] : config.upstreams) {
    v1::ProbeRequest request;
    request.set_upstream(name);
    const absl::StatusOr<v1::ProbeReply> reply = run_to_end(context, (*adapter)->probe(request));
    findings.push_back({fmt::format("upstream {} ({})", name, upstream.url), reply.ok(),
                        reply.ok() ? reply->detail() : std::string(reply.status().message())});
  }
  if (config.upstreams.empty())
    findings.push_back({"upstreams", false, "none is configured: requests have nowhere to go"});
}

int check(const Options& options) {
  std::vector<Finding> findings;
  const absl::StatusOr<Config> config = load_config(options.config);
  findings.push_back({"configuration", config.ok(), config.ok() ? "valid" : std::string(config.status().message())});
  if (config.ok()) {
    asio::io_context context;
    findings.push_back(check_catalog(*config));
    findings.push_back(check_redis(context, *config));
    check_upstreams(context, *config, findings);
  }
  bool all = true;
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const Finding& finding : findings) {
    all = all && finding.ok;
    if (options.json)
      json.push_back({{"check", finding.what}, {"ok", finding.ok}, {"detail", finding.detail}});
    else
      fmt::print("{}  {}: {}\n", finding.ok ? "ok  " : "FAIL", finding.what, finding.detail);
  }
  if (options.json)
    std::cout << nlohmann::ordered_json{{"ok", all}, {"checks", json}}.dump(2) << "\n";
  return all ? 0 : 1;
}

}  // namespace

void add_check_command(CLI::App& app, std::function<int()>& run) {
  CLI::App& command = *app.add_subcommand(
      "check", "Validate the configuration and the catalog, reach Redis, try every upstream's credentials");
  auto options = std::make_shared<Options>();
  add_config_options(command, options->config, false);
  command.add_flag("--json", options->json, "Print JSON");
  command.callback([&run, options] { run = [options] { return check(*options); }; });
}

}  // namespace tollgate
