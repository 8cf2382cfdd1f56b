// What the tests of money ask of the ledger and of the simulator's bill.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "services/common/redis/redis_client.h"
#include "tests/integration/system/suite.h"
#include "tests/support/redis/loop.h"

namespace tollgate::testing {

std::int64_t nano_usd(double usd);

// In nano-USD. The simulator's prices are 1 USD per million tokens of input and 2 of output.
std::int64_t cost_of(const nlohmann::json& usage);

// Runs the command line as Suite::tollgate does.
using CommandLine = std::function<std::string(std::vector<std::string> arguments, int* exit_code)>;

// `tollgate ledger verify --json`, whatever it finds.
nlohmann::json verify(Suite& suite);

// Everything in flight has ended, and the ledger adds up: `tollgate ledger verify`.
void expect_books_are_closed(const CommandLine& tollgate);
void expect_books_are_closed(Suite& suite);

// What Redis says of a settled generation.
struct Settled {
  // Nano-USD; -1: it is not settled.
  std::int64_t cost = -1;
  // A v1::UsageSource.
  int source = 0;
};

class Records {
 public:
  explicit Records(const RedisConfig& redis) : redis_(loop_.context(), redis) {}

  Settled settled(const std::string& generation);
  // Settled so far.
  std::int64_t count();

 private:
  Loop loop_;
  RedisClient redis_;
};

}  // namespace tollgate::testing
