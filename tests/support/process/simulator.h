// The simulator as a child program, and its control endpoints.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/process/process.h"

namespace tollgate::testing {

// All calls block. They throw std::runtime_error with the simulator's answer when it refuses.
class Simulator {
 public:
  // `arguments` in addition to --listen, for example {"--api-key", "K"}; with --cert it is spoken to in TLS.
  explicit Simulator(const std::vector<std::string>& arguments = {});

  std::uint16_t port() const { return port_; }
  // http://127.0.0.1:PORT, or https.
  std::string url() const;
  Process& process() { return process_; }

  // One step or an array of steps (tests/simulator/script.h).
  void script(const nlohmann::ordered_json& steps);
  void reset();
  // POST /_sim/vertex (tests/simulator/vertex.h).
  void vertex(const nlohmann::ordered_json& change);
  // The array `requests` of GET /_sim/requests: oldest first.
  nlohmann::ordered_json requests();
  nlohmann::ordered_json billed();
  nlohmann::ordered_json stats();

 private:
  nlohmann::ordered_json call(const std::string& method, const std::string& path, const std::string& body = {});

  const bool tls_;
  Process process_;
  std::uint16_t port_;
};

}  // namespace tollgate::testing
