// tollgate: everything in one process, and the command line.
#include <CLI/CLI.hpp>
#include <iostream>

#include "services/common/base/log.h"
#include "services/common/process/process.h"
#include "services/tollgate/activity_command.h"
#include "services/tollgate/catalog_command.h"
#include "services/tollgate/check_command.h"
#include "services/tollgate/key_command.h"
#include "services/tollgate/ledger_command.h"
#include "services/tollgate/route_command.h"
#include "services/tollgate/serve.h"
#include "services/tollgate/statusline_command.h"
#include "services/tollgate/workspace_command.h"

namespace tollgate {
namespace {

int serve(const ConfigOptions& options) {
  prepare_process();
  const absl::StatusOr<Config> config = load_config(options);
  if (!config.ok()) {
    std::cerr << config.status().message() << "\n";
    return 2;
  }
  start_logging(config->logging.level);
  if (config->logging.core_dumps)
    allow_core_dumps();
  const absl::StatusOr<Monitoring> monitoring = start_monitoring(*config, "tollgate");
  const absl::Status status = monitoring.ok() ? serve_all(*config) : monitoring.status();
  stop_logging();
  if (!status.ok())
    std::cerr << status.message() << "\n";
  return status.ok() ? 0 : 1;
}

int run(int argc, char** argv) {
  CLI::App app("Tollgate: a gateway between coding agents and language models");
  app.set_version_flag("--version", TOLLGATE_VERSION);
  app.require_subcommand(1);
  std::function<int()> command;
  ConfigOptions serve_options;
  CLI::App& serve_command = *app.add_subcommand("serve", "Run the gateway, all of it in this process");
  add_config_options(serve_command, serve_options, true);
  serve_command.callback([&] { command = [&] { return serve(serve_options); }; });
  add_key_command(app, command);
  add_workspace_command(app, command);
  add_ledger_command(app, command);
  add_catalog_command(app, command);
  add_activity_command(app, command);
  add_statusline_command(app, command);
  add_check_command(app, command);
  add_route_command(app, command);
  CLI11_PARSE(app, argc, argv);
  return command();
}

}  // namespace
}  // namespace tollgate

int main(int argc, char** argv) {
  return tollgate::run(argc, argv);
}
