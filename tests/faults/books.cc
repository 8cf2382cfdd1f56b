#include "tests/faults/books.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>

#include "services/budget/layout.h"

namespace tollgate::testing {

using nlohmann::json;

std::int64_t nano_usd(double usd) {
  return std::llround(usd * 1e9);
}

std::int64_t cost_of(const json& usage) {
  return usage.at("input_tokens").get<std::int64_t>() * 1000 + usage.at("output_tokens").get<std::int64_t>() * 2000;
}

void expect_books_are_closed(const CommandLine& tollgate) {
  json report;
  EXPECT_TRUE(wait_until([&] {
    int code = -1;
    const std::string output = tollgate({"ledger", "verify", "--json"}, &code);
    report = json::parse(output, nullptr, false);
    return code == 0 && report.at("holds") == 0;
  })) << report.dump(2);
}

json verify(Suite& suite) {
  int code = -1;
  return json::parse(suite.tollgate({"ledger", "verify", "--json"}, &code), nullptr, false);
}

void expect_books_are_closed(Suite& suite) {
  expect_books_are_closed([&suite](std::vector<std::string> arguments, int* exit_code) {
    return suite.tollgate(std::move(arguments), exit_code);
  });
}

Settled Records::settled(const std::string& generation) {
  std::vector<std::string> argv = {"GET", layout::generation("default", generation)};
  const auto reply = loop_.run(redis_.command(std::move(argv)));
  Settled out;
  char hash[65];
  if (reply.ok() && std::sscanf(reply->text.c_str(), "s %64s %ld %d", hash, &out.cost, &out.source) != 3)
    out = {};
  return out;
}

std::int64_t Records::count() {
  std::vector<std::string> argv = {"ZCARD", layout::settled("default")};
  return loop_.run(redis_.command(std::move(argv)))->integer;
}

}  // namespace tollgate::testing
