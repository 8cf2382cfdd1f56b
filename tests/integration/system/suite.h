// The whole of Tollgate as a user runs it: real processes, a real Redis, simulators as upstreams; in both forms.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/http/http_client.h"
#include "tests/support/process/process.h"
#include "tests/support/process/simulator.h"
#include "tests/support/redis/redis_server.h"

namespace tollgate::testing {

enum class Form { kOneProcess, kFiveProcesses };

std::string name_of(Form form);

// Every upstream is a simulator; the one model `test/model` is served by each of them in turn at 1 USD per million
// tokens of input and 2 USD of output.
class Suite {
 public:
  // The address to use in the place of `address` on a link of the five processes, which is one of gateway-router,
  // router-budget, router-adapter, budget-redis, and adapter-u0 and so on for the upstreams.
  using Detour = std::function<std::string(const std::string& link, const std::string& address)>;

  // `settings` is merged into the configuration. With five processes there may be several budget services: `budget`,
  // `budget-1`, ...
  explicit Suite(Form form, std::size_t upstreams = 1, const nlohmann::json& settings = {}, std::size_t budgets = 1,
                 const Detour& detour = {});

  // The HTTP edge.
  std::uint16_t port() const { return port_; }
  Simulator& simulator(std::size_t index = 0) { return *simulators_[index]; }
  RedisServer& redis() { return redis_; }
  // By name: tollgate, or gateway, router, budget, adapter.
  Process& process(const std::string& name) { return *processes_.at(name); }
  const std::map<std::string, std::unique_ptr<Process>>& processes() const { return processes_; }
  // Where it listens: the edge's port of those that have one, else that of gRPC.
  std::uint16_t listener(const std::string& name) const;
  // Starts it anew at the same addresses, after it has ended.
  void restart(const std::string& name);
  // With five processes: a second router, `router-1`, and before it a second edge, `gateway-1`.
  struct Second {
    // Of the edge.
    std::uint16_t port;
    // host:port of the router.
    std::string router;
  };
  Second add_router();

  // `tollgate key create`; returns the secret. `options` such as {"--limit", "1"}.
  std::string create_key(const std::string& name, const std::vector<std::string>& options = {});
  // `tollgate key show --json`.
  nlohmann::json key(const std::string& name);
  // Runs `tollgate ARGUMENTS --config ...` to its end; returns standard output, `exit_code` if wanted.
  std::string tollgate(std::vector<std::string> arguments, int* exit_code = nullptr);

  // Replaces its catalog as the text says; the file is whole at any time.
  void replace_catalog(const std::string& text);
  // As it is written at first, with all prices times `factor`.
  nlohmann::json catalog(int factor = 1) const;
  // Where the catalog is read, in either form.
  Process& router() { return process(form_ == Form::kOneProcess ? "tollgate" : "router"); }

  // POST /v1/messages with a key; `knobs` goes into the simulator's x-sim header.
  HttpRequest request(const std::string& key, bool stream, const std::string& knobs = "",
                      const std::string& body_members = "") const;
  HttpExchange message(const std::string& key, bool stream, const std::string& knobs = "",
                       const std::string& body_members = "") const {
    return HttpExchange(port_, request(key, stream, knobs, body_members));
  }

 private:
  void launch(const std::string& name);
  void take(const Detour& detour);

  const Form form_;
  TemporaryDirectory directory_;
  RedisServer redis_;
  std::vector<std::unique_ptr<Simulator>> simulators_;
  nlohmann::json config_;
  std::string config_file_;
  // Of those that have another.
  std::map<std::string, std::string> own_config_files_;
  std::map<std::string, std::vector<std::string>> commands_;
  std::map<std::string, std::unique_ptr<Process>> processes_;
  std::uint16_t port_ = 0;
};

}  // namespace tollgate::testing
