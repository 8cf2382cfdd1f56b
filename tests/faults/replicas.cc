#include "tests/faults/replicas.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace tollgate::testing {
namespace {

using nlohmann::json;

constexpr const char* kUpstreamKey = "upstream-secret";
// Each host has them for itself; where hosts are addresses of the loopback the addresses differ.
constexpr std::uint16_t kGrpcPort = 17'000;
constexpr std::uint16_t kHttpPort = 17'080;
constexpr std::size_t kUpstreamHost = 0;

// Connections that stand at address:kGrpcPort, by the kernel's tables (proc(5), /proc/net/tcp) in `folder`. An address
// of version 4 may be in the other table, as the end of one of version 6.
std::size_t connections_at(const std::string& address, const std::string& folder) {
  const std::string end = fmt::format("{:08X}:{:04X}", inet_addr(address.c_str()), kGrpcPort);
  std::size_t count = 0;
  for (const char* table : {"tcp", "tcp6"}) {
    std::ifstream file(folder + table);
    for (std::string line; std::getline(file, line);) {
      std::string slot, local, remote, state;
      std::istringstream(line) >> slot >> local >> remote >> state;
      count += local.ends_with(end) && state == "01";
    }
  }
  return count;
}

}  // namespace

const std::vector<std::string>& Replicas::services() {
  static const std::vector<std::string> all = {"adapter", "router", "budget", "gateway"};
  return all;
}

std::size_t Replicas::host_of(const std::string& service, std::size_t index) {
  const auto at = std::find(services().begin(), services().end(), service) - services().begin();
  return 1 + static_cast<std::size_t>(at) * kEach + index;
}

Replicas::Replicas()
    : network_(1 + services().size() * kEach),
      names_(network_.own_address()),
      redis_(RedisServer::Transport::kTcp, {"--bind", "0.0.0.0", "--protected-mode", "no"}) {
  json config = {{"redis", {{"address", fmt::format("{}:{}", network_.own_address(), redis_.port())}}},
                 {"catalog", {{"file", "catalog.json"}}},
                 {"upstreams",
                  {{"u0",
                    {{"url", fmt::format("http://{}:{}", network_.address(kUpstreamHost), kHttpPort)},
                     {"api_key", "${TEST_UPSTREAM_KEY}"}}}}}};
  for (const std::string& service : services()) {
    std::vector<std::string> addresses;
    for (std::size_t i = 0; i < kEach; ++i)
      addresses.push_back(network_.address(host_of(service, i)));
    const std::string name = service + ".tollgate.test";
    names_.set(name, addresses);
    if (service != "gateway")
      config["services"][service] = names_.target(name, kGrpcPort);
  }
  const json endpoint = {
      {"provider", "u0"},
      {"upstream", "u0"},
      {"model", "served"},
      {"context_tokens", 200000},
      {"max_output_tokens", 100000},
      {"price_usd",
       {{"input", 1}, {"output", 2}, {"cache_read", 0.1}, {"cache_write_5m", 1.25}, {"cache_write_1h", 2}}}};
  const json catalog = {{"models", {{{"id", "test/model"}, {"endpoints", json::array({endpoint})}}}}};
  directory_.write("catalog.json", catalog.dump());
  config_file_ = directory_.write("tollgate.json", config.dump(2));

  std::vector<std::string> command = network_.prefix(kUpstreamHost);
  const std::vector<std::string> simulator = {program("tollgate-simulator"),
                                              "--listen",
                                              fmt::format("{}:{}", network_.address(kUpstreamHost), kHttpPort),
                                              "--quiet",
                                              "--api-key",
                                              kUpstreamKey};
  command.insert(command.end(), simulator.begin(), simulator.end());
  upstream_ = std::make_unique<Process>(command);
  upstream_->wait_for_line("listening on ");
  for (const std::string& service : services()) {
    for (std::size_t i = 0; i < kEach; ++i)
      launch(service, i);
  }
}

void Replicas::launch(const std::string& service, std::size_t index) {
  const std::size_t host = host_of(service, index);
  std::vector<std::string> command = network_.prefix(host);
  const std::vector<std::string> words = {program("tollgate-" + service), "--config", config_file_, "--grpc",
                                          fmt::format("{}:{}", network_.address(host), kGrpcPort)};
  command.insert(command.end(), words.begin(), words.end());
  if (service == "gateway")
    command.insert(command.end(), {"--http", fmt::format("{}:{}", network_.address(host), kHttpPort)});
  ProcessOptions options;
  options.environment["TEST_UPSTREAM_KEY"] = kUpstreamKey;
  auto process = std::make_unique<Process>(command, options);
  if (!wait_until([&] { return process->standard_error().find("\"event\":\"listening\"") != std::string::npos; }))
    throw std::runtime_error(service + " did not start: " + process->standard_error());
  processes_[{service, index}] = std::move(process);
}

int Replicas::roll(const std::string& service, std::size_t index) {
  Gate& gate = gates_[index];
  if (service == "gateway") {
    gate.open = false;
    if (!wait_until([&] { return gate.entering == 0; }))
      throw std::runtime_error("a gateway does not answer");
  }
  Process& process = *processes_.at({service, index});
  const std::size_t callers = this->callers(service, index);
  if (callers == 0 && service != "gateway")
    throw std::runtime_error(service + " is not called");
  process.signal(SIGTERM);
  const int code = process.wait(std::chrono::seconds(30)).value_or(-1);
  processes_.erase({service, index});
  launch(service, index);
  if (service == "gateway")
    gate.open = true;
  else if (!wait_until([&] { return this->callers(service, index) >= callers; }))
    throw std::runtime_error(service + " is not found again");
  return code;
}

std::size_t Replicas::callers(const std::string& service, std::size_t index) {
  const std::string owner = network_.separate() ? fmt::format("{}", processes_.at({service, index})->pid()) : "self";
  return connections_at(network_.address(host_of(service, index)), fmt::format("/proc/{}/net/", owner));
}

std::unique_ptr<HttpExchange> Replicas::message(const std::string& key, const std::string& knobs) {
  HttpRequest request;
  request.target = "/api/v1/messages";
  request.headers = {
      {"x-api-key", key}, {"anthropic-version", "2023-06-01"}, {"content-type", "application/json"}, {"x-sim", knobs}};
  request.body =
      R"({"model":"test/model","max_tokens":1000,"stream":true,"messages":[{"role":"user","content":"hello"}]})";
  for (;;) {
    const std::size_t index = next_++ % kEach;
    Gate& gate = gates_[index];
    ++gate.entering;
    if (!gate.open) {
      --gate.entering;
      continue;
    }
    const std::size_t host = host_of("gateway", index);
    auto exchange = std::make_unique<HttpExchange>(kHttpPort, request, network_.address(host));
    exchange->status();
    --gate.entering;
    return exchange;
  }
}

std::string Replicas::tollgate(std::vector<std::string> arguments, int* exit_code) {
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
  return process.standard_output();
}

std::string Replicas::create_key(const std::string& name) {
  return json::parse(tollgate({"key", "create", "--json", "--name", name})).at("secret");
}

json Replicas::key(const std::string& name) {
  return json::parse(tollgate({"key", "show", name, "--json"}));
}

json Replicas::billed() {
  HttpExchange exchange(kHttpPort, {"GET", "/_sim/billed", {}, ""}, network_.address(kUpstreamHost));
  return json::parse(exchange.body());
}

}  // namespace tollgate::testing
