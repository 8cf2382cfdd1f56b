#include "services/common/process/process.h"

#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <thread>

#include "services/common/base/log.h"
#include "services/common/telemetry/process_metrics.h"

namespace tollgate {
namespace {

constexpr std::chrono::milliseconds kSettling{5000};

sigset_t termination_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

std::string default_file() {
  if (const char* file = std::getenv("TOLLGATE_CONFIG"))
    return file;
  return std::filesystem::exists("tollgate.json") ? "tollgate.json" : "/etc/tollgate/tollgate.json";
}

}  // namespace

void add_config_options(CLI::App& app, ConfigOptions& options, bool listens) {
  app.add_option("-c,--config", options.file,
                 "Configuration file; default: $TOLLGATE_CONFIG, ./tollgate.json, /etc/tollgate/tollgate.json");
  if (listens) {
    app.add_option("--http", options.http, "host:port of the HTTP edge, instead of listen.http");
    app.add_option("--grpc", options.grpc, "host:port of the gRPC server, instead of listen.grpc");
    app.add_option("--metrics", options.metrics, "host:port of Prometheus' metrics, instead of telemetry.metrics");
  }
}

absl::StatusOr<Config> load_config(const ConfigOptions& options, Secrets secrets) {
  absl::StatusOr<Config> config = load_config(options.file.empty() ? default_file() : options.file, secrets);
  if (config.ok() && !options.http.empty())
    config->listen.http = options.http;
  if (config.ok() && !options.grpc.empty())
    config->listen.grpc = options.grpc;
  if (config.ok() && !options.metrics.empty())
    config->telemetry.metrics = options.metrics;
  return config;
}

void prepare_process() {
  const sigset_t set = termination_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  rlimit core{};
  if (getrlimit(RLIMIT_CORE, &core) == 0) {
    core.rlim_cur = 0;
    setrlimit(RLIMIT_CORE, &core);
  }
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
}

void allow_core_dumps() {
  rlimit core{};
  if (getrlimit(RLIMIT_CORE, &core) == 0) {
    core.rlim_cur = core.rlim_max;
    setrlimit(RLIMIT_CORE, &core);
  }
  prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  Log(spdlog::level::warn, "core_dumps_allowed").with("logging.core_dumps", "true");
}

std::stop_token wait_for_termination() {
  const sigset_t set = termination_signals();
  int signal = 0;
  sigwait(&set, &signal);
  Log(spdlog::level::info, "draining").with("signal", strsignal(signal));
  // Never destroyed: the thread below outlives main().
  auto& haste = *new std::stop_source;
  std::thread([set, &haste] {
    int again = 0;
    sigwait(&set, &again);
    haste.request_stop();
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
    for (;;)
      ::pause();
  }).detach();
  return haste.get_token();
}

std::chrono::milliseconds left_to_settle(const Config& config, std::chrono::steady_clock::time_point start) {
  const auto left = config.timeouts.drain - (std::chrono::steady_clock::now() - start);
  return std::max(std::chrono::duration_cast<std::chrono::milliseconds>(left), kSettling);
}

absl::StatusOr<Monitoring> start_monitoring(const Config& config, const std::string& service) {
  Monitoring monitoring{add_process_metrics(telemetry(), service), nullptr};
  if (config.telemetry.metrics.empty())
    return monitoring;
  absl::StatusOr<std::unique_ptr<MetricsListener>> listener =
      MetricsListener::start(config.telemetry.metrics, telemetry());
  if (!listener.ok())
    return listener.status();
  monitoring.listener = *std::move(listener);
  Log(spdlog::level::info, "metrics_shown").with("port", monitoring.listener->port());
  return monitoring;
}

int run_service(int argc, char** argv, const std::string& name, const std::string& description, Secrets secrets,
                const std::function<absl::Status(const Config&)>& serve) {
  prepare_process();
  CLI::App app(description);
  ConfigOptions options;
  add_config_options(app, options, true);
  CLI11_PARSE(app, argc, argv);
  const absl::StatusOr<Config> config = load_config(options, secrets);
  if (!config.ok()) {
    std::cerr << config.status().message() << "\n";
    return 2;
  }
  start_logging(config->logging.level);
  if (config->logging.core_dumps)
    allow_core_dumps();
  const absl::StatusOr<Monitoring> monitoring = start_monitoring(*config, name);
  const absl::Status status = monitoring.ok() ? serve(*config) : monitoring.status();
  stop_logging();
  if (!status.ok()) {
    std::cerr << status.message() << "\n";
    return 1;
  }
  return 0;
}

}  // namespace tollgate
