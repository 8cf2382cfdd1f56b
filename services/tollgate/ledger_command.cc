#include "services/tollgate/ledger_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "services/budget/ledger_audit.h"
#include "services/common/base/money.h"
#include "services/common/process/process.h"
#include "services/common/redis/make_redis.h"
#include "services/tollgate/run_to_end.h"

namespace tollgate {
namespace {

using nlohmann::ordered_json;

struct Options {
  ConfigOptions config;
  std::string workspace;
  bool repair = false;
  bool json = false;
};

constexpr int kAddsUp = 0;
constexpr int kDiffers = 1;
constexpr int kUnknown = 2;

ordered_json to_json(const AuditReport& report) {
  ordered_json json;
  json["clean"] = report.clean();
  json["workspaces"] = report.workspaces;
  json["keys"] = report.keys;
  json["holds"] = report.holds;
  json["settled"] = report.settled;
  json["lease_expired"] = report.lease_expired;
  json["differences"] = ordered_json::array();
  for (const Difference& difference : report.differences) {
    ordered_json& shown = json["differences"].emplace_back();
    shown["workspace"] = difference.workspace;
    shown["key"] = difference.key_hash.empty() ? ordered_json() : ordered_json(difference.key_hash);
    shown["counter"] = difference.counter;
    shown["stored_nano_usd"] = difference.stored;
    shown["expected_nano_usd"] = difference.expected;
  }
  json["broken"] = report.broken;
  json["repaired"] = report.repaired;
  return json;
}

void print(const AuditReport& report) {
  fmt::print("{} workspaces, {} keys, {} requests in flight, {} settled generations ({} by an expired lease)\n",
             report.workspaces, report.keys, report.holds, report.settled, report.lease_expired);
  for (const Difference& difference : report.differences) {
    const std::string whose =
        difference.key_hash.empty() ? "" : fmt::format(", key {}", difference.key_hash.substr(0, 12));
    fmt::print("workspace {}{}: {} is ${}, the records add up to ${}\n", difference.workspace, whose,
               difference.counter, format_usd(difference.stored), format_usd(difference.expected));
  }
  for (const std::string& generation : report.broken)
    fmt::print("{}: listed, but its record is missing or unreadable\n", generation);
  if (report.clean())
    fmt::print("All counters are what the records add up to.\n");
  else if (report.repaired > 0)
    fmt::print("{} counters were set right.\n", report.repaired);
  else if (!report.differences.empty())
    fmt::print("Give --repair to set the counters right.\n");
}

int verify(const Options& options) {
  const absl::StatusOr<Config> config = load_config(options.config, Secrets::kWithoutUpstreams);
  if (!config.ok()) {
    std::cerr << config.status().message() << "\n";
    return kUnknown;
  }
  asio::io_context context;
  const std::unique_ptr<Redis> redis = make_redis(context, config->redis);
  const absl::StatusOr<AuditReport> report =
      run_to_end(context, audit_ledger(*redis, options.workspace, options.repair));
  if (!report.ok()) {
    std::cerr << report.status().message() << "\n";
    return kUnknown;
  }
  if (options.json)
    std::cout << to_json(*report).dump(2) << "\n";
  else
    print(*report);
  return report->clean() ? kAddsUp : kDiffers;
}

}  // namespace

void add_ledger_command(CLI::App& app, std::function<int()>& run) {
  CLI::App& command = *app.add_subcommand("ledger", "Look after the ledger");
  command.require_subcommand(1);
  auto options = std::make_shared<Options>();
  CLI::App& sub = *command.add_subcommand(
      "verify",
      "Prove that spend and holds are what the records in Redis add up to; may run while requests are served");
  add_config_options(sub, options->config, false);
  sub.add_option("--workspace", options->workspace, "Look at this one only");
  sub.add_flag("--repair", options->repair, "Set counters that differ to what the records add up to");
  sub.add_flag("--json", options->json, "Print JSON");
  sub.callback([&run, options] { run = [options] { return verify(*options); }; });
}

}  // namespace tollgate
