// Two of each service, each on a host of its own, found by name; one upstream and one Redis.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/http/http_client.h"
#include "tests/support/network/name_server.h"
#include "tests/support/network/network.h"
#include "tests/support/process/process.h"
#include "tests/support/redis/redis_server.h"

namespace tollgate::testing {

class Replicas {
 public:
  static constexpr std::size_t kEach = 2;

  Replicas();

  // Adapter, router, budget, gateway.
  static const std::vector<std::string>& services();
  const Network& network() const { return network_; }

  // SIGTERM to one replica, which is started again when it has ended; returns its exit code when all that called it
  // have found it again, for which a rollout's minReadySeconds are. A gateway gets no new connections any more before
  // that, as behind a load balancer.
  int roll(const std::string& service, std::size_t index);

  // POST /v1/messages at a gateway that takes connections, each in turn.
  std::unique_ptr<HttpExchange> message(const std::string& key, const std::string& knobs);

  std::string create_key(const std::string& name);
  nlohmann::json key(const std::string& name);
  // As Suite::tollgate.
  std::string tollgate(std::vector<std::string> arguments, int* exit_code = nullptr);
  nlohmann::json billed();

 private:
  struct Gate {
    std::atomic<bool> open{true};
    // Clients that are about to get its first byte.
    std::atomic<int> entering{0};
  };

  static std::size_t host_of(const std::string& service, std::size_t index);
  std::string url_address(std::size_t host) const;
  void launch(const std::string& service, std::size_t index);
  // Connections to its gRPC port.
  std::size_t callers(const std::string& service, std::size_t index);

  Network network_;
  NameServer names_;
  RedisServer redis_;
  TemporaryDirectory directory_;
  std::string config_file_;
  std::unique_ptr<Process> upstream_;
  std::map<std::pair<std::string, std::size_t>, std::unique_ptr<Process>> processes_;
  std::vector<Gate> gates_{kEach};
  std::atomic<std::size_t> next_{0};
};

}  // namespace tollgate::testing
