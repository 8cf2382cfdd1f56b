#include "tests/support/redis/cluster_servers.h"

#include <fmt/format.h>

#include <stdexcept>

#include "services/common/redis/slots.h"
#include "tests/support/process/wait.h"
#include "tests/support/redis/ask_redis.h"

namespace tollgate {
namespace {

std::size_t first_slot(std::size_t master) {
  return master * kSlots / RedisClusterServers::kMasters;
}

void expect(bool happened, const char* what) {
  if (!happened)
    throw std::runtime_error(fmt::format("the cluster did not come about: {}", what));
}

}  // namespace

RedisClusterServers::RedisClusterServers(int node_timeout_ms) {
  std::vector<std::string> buses;
  for (std::size_t i = 0; i < 2 * kMasters; ++i) {
    // The usual bus port, 10000 above the other, is beyond the last port for much of what the kernel gives.
    const std::string bus = std::to_string(testing::free_port());
    servers_.push_back(std::make_unique<RedisServer>(
        RedisServer::Transport::kTcp,
        std::vector<std::string>{"--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout",
                                 std::to_string(node_timeout_ms), "--cluster-replica-validity-factor", "0",
                                 "--cluster-allow-replica-migration", "no", "--repl-ping-replica-period", "1",
                                 "--repl-diskless-sync-delay", "0"}));
    buses.push_back(bus);
  }
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    tell(i, {"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(i + 1)});
    if (i < kMasters)
      tell(i, {"CLUSTER", "ADDSLOTSRANGE", std::to_string(first_slot(i)), std::to_string(first_slot(i + 1) - 1)});
    if (i > 0)
      tell(i, {"CLUSTER", "MEET", "127.0.0.1", std::to_string(server(0).port()), buses[0]});
  }
  expect(testing::wait_until([&] {
           for (std::size_t i = 0; i < servers_.size(); ++i) {
             if (info_field(tell(i, {"CLUSTER", "INFO"}).text, "cluster_known_nodes") != "6")
               return false;
           }
           return true;
         }),
         "the nodes did not meet");
  for (std::size_t i = 0; i < kMasters; ++i) {
    // Refused until the replica has heard that the other is a master.
    const std::vector<std::string> follow = {"CLUSTER", "REPLICATE", id(i)};
    expect(testing::wait_until([&] { return !ask_redis(server(kMasters + i).port(), follow).is_error(); }),
           "a replica found no master");
  }
  expect(testing::wait_until([&] { return settled(); }), "the nodes did not agree");
}

RedisConfig RedisClusterServers::config() const {
  RedisConfig config;
  for (const auto& one : servers_) {
    if (!config.cluster)
      config.cluster.emplace();
    config.cluster->addresses.push_back(one->address());
  }
  return config;
}

RedisReply RedisClusterServers::tell(std::size_t server, const std::vector<std::string>& argv) const {
  return tell_redis(servers_.at(server)->port(), argv);
}

std::size_t RedisClusterServers::owner_of(std::uint16_t slot) {
  std::size_t master = 0;
  while (slot >= first_slot(master + 1))
    ++master;
  return master;
}

std::string RedisClusterServers::id(std::size_t server) const {
  return tell(server, {"CLUSTER", "MYID"}).text;
}

std::string RedisClusterServers::role(std::size_t server) const {
  return role_of(servers_.at(server)->port());
}

bool RedisClusterServers::settled() const {
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    if (info_field(tell(i, {"CLUSTER", "INFO"}).text, "cluster_state") != "ok")
      return false;
    // Three ranges, each with a master and its replica.
    const RedisReply map = tell(i, {"CLUSTER", "SLOTS"});
    if (map.elements.size() != kMasters)
      return false;
    for (const RedisReply& range : map.elements) {
      if (range.elements.size() != 4)
        return false;
    }
    if (i >= kMasters && info_field(tell(i, {"INFO", "replication"}).text, "master_link_status") != "up")
      return false;
  }
  return true;
}

}  // namespace tollgate
