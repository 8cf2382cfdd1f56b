// What every program of the suite does at its beginning and its end.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "services/common/config/config.h"
#include "services/common/telemetry/metrics_listener.h"
#include "services/common/telemetry/telemetry.h"

namespace CLI {
class App;
}

namespace tollgate {

// Where a program's configuration comes from, and what of it the command line overrides.
struct ConfigOptions {
  // Default: $TOLLGATE_CONFIG, else tollgate.json in the working directory, else /etc/tollgate/tollgate.json.
  std::string file;
  // Override listen.http and listen.grpc.
  std::string http;
  std::string grpc;
  // Overrides telemetry.metrics.
  std::string metrics;
};

// Adds --config to a command; with `listens` also --http, --grpc and --metrics. `options` outlives the parsing.
void add_config_options(CLI::App& app, ConfigOptions& options, bool listens);
absl::StatusOr<Config> load_config(const ConfigOptions& options, Secrets secrets = Secrets::kAll);

// Blocks SIGINT and SIGTERM for the threads to come, ignores SIGPIPE, raises the limit of open files to the most that
// is allowed, switches core dumps off (they would hold keys) and keeps others of its user out of its memory and of what
// /proc shows of it (prctl(2), PR_SET_DUMPABLE). First thing in main().
void prepare_process();

// Takes back what prepare_process() does against reading the process' memory, where the configuration says so: core
// dumps, as far as the limit of the system allows, and debuggers and /proc for its own user.
void allow_core_dumps();

// Waits for SIGINT or SIGTERM. The next one stops the token: there is no time to drain, what runs is cut and settled.
// One more kills the process at once; what is unsettled then is settled by its lease. Once in a process.
std::stop_token wait_for_termination();

// What is left of timeouts.drain since `start`; some seconds in any case, since what was cut is still to be settled.
std::chrono::milliseconds left_to_settle(const Config& config, std::chrono::steady_clock::time_point start);

// What the monitoring asks a process for. Ends when it is destroyed.
struct Monitoring {
  Telemetry::Registration process;
  // Null when no telemetry.metrics is configured.
  std::unique_ptr<MetricsListener> listener;
};

// Begins to show the process' metrics. `service` as in add_process_metrics().
absl::StatusOr<Monitoring> start_monitoring(const Config& config, const std::string& service);

// main() of one service, `name`: parses the command line, loads the configuration, starts logging and calls `serve`,
// which returns when the service has ended. What goes wrong before is said on stderr; the result is the exit code.
int run_service(int argc, char** argv, const std::string& name, const std::string& description, Secrets secrets,
                const std::function<absl::Status(const Config&)>& serve);

}  // namespace tollgate
