#include "tests/integration/system/suite.h"

#include <algorithm>
#include <filesystem>
#include <stdexcept>

namespace tollgate::testing {
namespace {

using nlohmann::json;

constexpr const char* kUpstreamKey = "upstream-secret";

std::string local(std::uint16_t port) {
  return "127.0.0.1:" + std::to_string(port);
}

json endpoint(const std::string& upstream, int factor) {
  return {{"provider", upstream},
          {"upstream", upstream},
          {"model", "served-by-" + upstream},
          {"context_tokens", 200000},
          {"max_output_tokens", 100000},
          {"price_usd",
           {{"input", factor},
            {"output", 2 * factor},
            {"cache_read", 0.1 * factor},
            {"cache_write_5m", 1.25 * factor},
            {"cache_write_1h", 2 * factor}}}};
}

}  // namespace

std::string name_of(Form form) {
  return form == Form::kOneProcess ? "OneProcess" : "FiveProcesses";
}

Suite::Suite(Form form, std::size_t upstreams, const json& settings, std::size_t budgets, const Detour& detour)
    : form_(form) {
  json config = {{"redis", {{"address", redis_.address()}}}, {"catalog", {{"file", "catalog.json"}}}};
  for (std::size_t i = 0; i < upstreams; ++i) {
    simulators_.push_back(
        std::make_unique<Simulator>(std::vector<std::string>{"--api-key", kUpstreamKey, "--record", "10000"}));
    const std::string name = "u" + std::to_string(i);
    config["upstreams"][name] = {{"url", simulators_[i]->url()}, {"api_key", "${TEST_UPSTREAM_KEY}"}};
  }
  directory_.write("catalog.json", catalog().dump());
  const std::uint16_t router = free_port();
  std::string every_budget = "ipv4:";
  for (std::size_t i = 0; i < budgets; ++i) {
    const std::string address = local(free_port());
    every_budget += (i == 0 ? "" : ",") + address;
    if (form == Form::kFiveProcesses)
      commands_[i == 0 ? "budget" : "budget-" + std::to_string(i)] = {program("tollgate-budget"), "--grpc", address};
  }
  const std::uint16_t adapter = free_port();
  if (form == Form::kFiveProcesses)
    config["services"] = {{"router", local(router)}, {"budget", every_budget}, {"adapter", local(adapter)}};
  config.merge_patch(settings.is_null() ? json::object() : settings);
  config_ = config;
  config_file_ = directory_.write("tollgate.json", config.dump(2));
  if (detour)
    take(detour);

  port_ = free_port();
  if (form == Form::kOneProcess) {
    commands_["tollgate"] = {program("tollgate"), "serve", "--http", local(port_), "--grpc", local(router)};
  } else {
    commands_["adapter"] = {program("tollgate-adapter"), "--grpc", local(adapter)};
    commands_["router"] = {program("tollgate-router"), "--grpc", local(router)};
    commands_["gateway"] = {program("tollgate-gateway"), "--http", local(port_), "--grpc", local(free_port())};
  }
  for (const auto& [name, command] : commands_)
    launch(name);
}

void Suite::take(const Detour& detour) {
  const auto write = [this](const std::string& process, const json& config) {
    own_config_files_[process] = directory_.write(process + ".json", config.dump(2));
  };
  const auto instead = [&detour](const std::string& link, json& address) {
    address = detour(link, address.get<std::string>());
  };
  json gateway = config_;
  instead("gateway-router", gateway["services"]["router"]);
  write("gateway", gateway);
  json router = config_;
  instead("router-budget", router["services"]["budget"]);
  instead("router-adapter", router["services"]["adapter"]);
  write("router", router);
  json budget = config_;
  instead("budget-redis", budget["redis"]["address"]);
  write("budget", budget);
  json adapter = config_;
  for (auto& [name, upstream] : adapter["upstreams"].items()) {
    const std::string scheme = "http://";
    const std::string url = upstream["url"];
    upstream["url"] = scheme + detour("adapter-" + name, url.substr(scheme.size()));
  }
  write("adapter", adapter);
}

Suite::Second Suite::add_router() {
  const std::uint16_t router = free_port();
  const std::uint16_t port = free_port();
  config_["services"]["router"] = local(router);
  const std::string file = directory_.write("tollgate-1.json", config_.dump(2));
  commands_["router-1"] = {program("tollgate-router"), "--grpc", local(router)};
  commands_["gateway-1"] = {program("tollgate-gateway"), "--http", local(port), "--grpc", local(free_port())};
  for (const char* name : {"router-1", "gateway-1"}) {
    own_config_files_[name] = file;
    launch(name);
  }
  return {port, local(router)};
}

json Suite::catalog(int factor) const {
  json endpoints = json::array();
  for (std::size_t i = 0; i < simulators_.size(); ++i) {
    const std::string name = std::string("u").append(std::to_string(i));
    endpoints.push_back(endpoint(name, factor));
  }
  return {{"models", {{{"id", "test/model"}, {"aliases", {"model"}}, {"endpoints", endpoints}}}}};
}

void Suite::replace_catalog(const std::string& text) {
  const std::string fresh = directory_.write("catalog.json.new", text);
  std::filesystem::rename(fresh, directory_.path() / "catalog.json");
}

void Suite::launch(const std::string& name) {
  std::vector<std::string> command = commands_.at(name);
  const auto own = own_config_files_.find(name);
  command.insert(command.end(), {"--config", own == own_config_files_.end() ? config_file_ : own->second});
  ProcessOptions options;
  options.environment["TEST_UPSTREAM_KEY"] = kUpstreamKey;
  // Where the sanitizer is built in, freed memory is not to look like a leak.
  options.environment["ASAN_OPTIONS"] = "quarantine_size_mb=1:thread_local_quarantine_size_kb=64";
  processes_[name] = std::make_unique<Process>(command, options);
  Process& process = *processes_[name];
  if (!wait_until([&] { return process.standard_error().find("\"event\":\"listening\"") != std::string::npos; }))
    throw std::runtime_error(name + " did not start: " + process.standard_error());
}

std::uint16_t Suite::listener(const std::string& name) const {
  const std::vector<std::string>& command = commands_.at(name);
  auto option = std::find(command.begin(), command.end(), "--http");
  if (option == command.end())
    option = std::find(command.begin(), command.end(), "--grpc");
  const std::string& address = *std::next(option);
  return static_cast<std::uint16_t>(std::stoul(address.substr(address.rfind(':') + 1)));
}

void Suite::restart(const std::string& name) {
  processes_.erase(name);
  launch(name);
}

std::string Suite::tollgate(std::vector<std::string> arguments, int* exit_code) {
  arguments.insert(arguments.begin(), program("tollgate"));
  arguments.insert(arguments.end(), {"--config", config_file_});
  ProcessOptions options;
  options.environment["TEST_UPSTREAM_KEY"] = kUpstreamKey;
  Process process(arguments, options);
  const std::optional<int> code = process.wait();
  if (exit_code != nullptr)
    *exit_code = code.value_or(-1);
  else if (code != 0)
    throw std::runtime_error("tollgate " + arguments[1] + ": " + process.standard_error());
  return process.standard_output() + (exit_code != nullptr ? process.standard_error() : "");
}

std::string Suite::create_key(const std::string& name, const std::vector<std::string>& options) {
  std::vector<std::string> arguments = {"key", "create", "--json", "--name", name};
  arguments.insert(arguments.end(), options.begin(), options.end());
  return json::parse(tollgate(arguments)).at("secret");
}

json Suite::key(const std::string& name) {
  return json::parse(tollgate({"key", "show", name, "--json"}));
}

HttpRequest Suite::request(const std::string& key, bool stream, const std::string& knobs,
                           const std::string& body_members) const {
  HttpRequest request;
  request.target = "/api/v1/messages?beta=true";
  request.headers = {
      {"authorization", "Bearer " + key}, {"anthropic-version", "2023-06-01"}, {"content-type", "application/json"}};
  if (!knobs.empty())
    request.headers.emplace_back("x-sim", knobs);
  request.body = std::string(R"({"model":"test/model","max_tokens":1000,)") + (stream ? R"("stream":true,)" : "") +
                 body_members + R"("messages":[{"role":"user","content":"hello"}]})";
  return request;
}

}  // namespace tollgate::testing
