// A new version of every service comes while 200 streams run.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <thread>

#include "tests/faults/books.h"
#include "tests/faults/client.h"
#include "tests/faults/replicas.h"

namespace tollgate::testing {
namespace {

constexpr int kStreams = 200;
constexpr const char* kKnobs = "events=10;bytes=40;delay_ms=200";

TEST(Rolling, EveryServiceUnderTwoHundredStreams) {
  if (std::getenv("TOLLGATE_ROLL") == nullptr)
    GTEST_SKIP() << "runs with TOLLGATE_ROLL=1";
  Replicas replicas;
  const std::string key = replicas.create_key("ci");
  const std::string whole = without_ids(replicas.message(key, kKnobs)->body());
  std::atomic<bool> stop{false};
  std::atomic<int> open{0};
  Sights sights;
  std::vector<std::thread> clients;
  for (int i = 0; i < kStreams; ++i) {
    clients.emplace_back([&] {
      while (!stop) {
        const auto exchange = replicas.message(key, kKnobs);
        ++open;
        sights.add(see(*exchange, whole));
        --open;
      }
    });
  }
  EXPECT_TRUE(wait_until([&] { return open > kStreams * 9 / 10; }));
  for (const std::string& service : Replicas::services()) {
    for (std::size_t i = 0; i < Replicas::kEach; ++i) {
      const auto start = std::chrono::steady_clock::now();
      const int running = open;
      EXPECT_EQ(replicas.roll(service, i), 0) << service << "-" << i;
      const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
      std::cout << fmt::format("| {}-{} | {} streams open | {} ms | {} |\n", service, i, running, took.count(),
                               sights.summary());
    }
  }
  stop = true;
  for (std::thread& client : clients)
    client.join();
  for (const Seen& seen : sights.all())
    EXPECT_EQ(seen.sight, Sight::kWhole) << seen.status << " " << seen.text;
  EXPECT_GT(sights.count(Sight::kWhole), 2 * kStreams);
  expect_books_are_closed([&](std::vector<std::string> arguments, int* exit_code) {
    return replicas.tollgate(std::move(arguments), exit_code);
  });
  EXPECT_EQ(nano_usd(replicas.key("ci").at("usage")), cost_of(replicas.billed().at("totals")));
  std::cout << (replicas.network().separate() ? "network namespaces" : "addresses of the loopback") << "\n";
}

}  // namespace
}  // namespace tollgate::testing
