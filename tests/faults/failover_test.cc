// The master of Redis dies; its replica becomes the master and is found at the same address.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <iostream>
#include <memory>
#include <thread>

#include "tests/faults/books.h"
#include "tests/faults/client.h"
#include "tests/integration/system/suite.h"
#include "tests/support/fault_proxy/fault_proxy.h"
#include "tests/support/redis/ask_redis.h"

namespace tollgate::testing {
namespace {

using nlohmann::json;

constexpr int kClients = 12;
constexpr const char* kKnobs = "events=20;bytes=40;delay_ms=20";

TEST(Failover, ToAReplicaAtTheSameAddress) {
  auto master = std::make_unique<RedisServer>(RedisServer::Transport::kTcp);
  RedisServer replica(RedisServer::Transport::kTcp,
                      {"--replicaof", "127.0.0.1", std::to_string(master->port()), "--repl-diskless-sync-delay", "0"});
  ASSERT_TRUE(wait_until([&] {
    return info_field(tell_redis(replica.port(), {"INFO", "replication"}).text, "master_link_status") == "up";
  }));
  FaultProxy proxy(master->address());
  // Of all processes and of the command line.
  Suite suite(Form::kFiveProcesses, 1, {{"redis", {{"address", proxy.address()}, {"command_timeout_ms", 500}}}});
  const std::string key = suite.create_key("ci");
  const std::string whole = without_ids(suite.message(key, true, kKnobs).body());
  std::atomic<bool> stop{false};
  Sights sights;
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back([&] {
      while (!stop) {
        HttpExchange exchange = suite.message(key, true, kKnobs);
        sights.add(see(exchange, whole));
      }
    });
  }
  EXPECT_TRUE(wait_until([&] { return sights.count(Sight::kWhole) > 2 * kClients; }));
  master->kill();
  // While there is none, new requests are refused and running streams end.
  EXPECT_TRUE(wait_until([&] { return sights.count(Sight::kRefused) > kClients; }));
  tell_redis(replica.port(), {"REPLICAOF", "NO", "ONE"});
  proxy.lead_to(replica.address());
  proxy.cut();
  const int before = sights.count(Sight::kWhole);
  EXPECT_TRUE(wait_until([&] { return sights.count(Sight::kWhole) > before + 2 * kClients; }));
  stop = true;
  for (std::thread& client : clients)
    client.join();
  std::cout << "| budget-Redis | failover to a replica | " << sights.summary() << " |\n";

  for (const Seen& seen : sights.all())
    EXPECT_TRUE(seen.sight == Sight::kWhole || seen.sight == Sight::kRefused) << seen.status << " " << seen.text;
  expect_books_are_closed(suite);
  // What the replica had not seen of the last seconds was sent again.
  Records records(replica.config());
  for (const Seen& seen : sights.all()) {
    if (seen.sight == Sight::kWhole) {
      EXPECT_GE(records.settled(seen.generation).cost, 0) << seen.generation;
    }
  }
  EXPECT_EQ(nano_usd(suite.key("ci").at("usage")), cost_of(json(suite.simulator().billed()).at("totals")));
}

}  // namespace
}  // namespace tollgate::testing
