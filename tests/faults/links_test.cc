// One link between two processes is slow, cut, taken apart byte by byte, or parted: what clients see, and the money.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <thread>

#include "tests/faults/books.h"
#include "tests/faults/client.h"
#include "tests/integration/system/suite.h"
#include "tests/support/fault_proxy/fault_proxy.h"

namespace tollgate::testing {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kClients = 12;
constexpr int kRounds = 3;
constexpr const char* kStreamKnobs = "events=20;bytes=40;delay_ms=5";
constexpr const char* kWholeKnobs = "size=600";
const char* const kClientLink = "client-gateway";

// Longer than any deadline on the way of a request but the upstream's.
constexpr milliseconds kNoHang{15'000};

struct Fault {
  std::string name;
  Faults faults;
  // Of what is not whole then, what clients may see.
  std::set<Sight> others;
  // Heals after this time, while the requests run; 0: it lasts as long as they do.
  milliseconds heals_after{0};
};

std::vector<Fault> faults_of(const std::string& link) {
  std::vector<Fault> faults(4);
  faults[0] = {"latency 100 ms, jitter 100 ms", {}, {}};
  faults[0].faults.latency = faults[0].faults.jitter = milliseconds(100);
  faults[1] = {"byte by byte", {}, {}};
  faults[1].faults.piece_bytes = 1;
  faults[2] = {"reset every 40 kB", {}, {Sight::kRefused, Sight::kTold, Sight::kBroken}};
  faults[2].faults.cut_after_bytes = 40'000;
  faults[3] = {"parted for 1.5 s", {}, {}, milliseconds(1500)};
  faults[3].faults.partition = true;
  if (link == kClientLink) {
    // Each connection has one request only.
    faults[2].name = "reset after 3 kB";
    faults[2].faults.cut_after_bytes = 3'000;
    faults[2].others = {Sight::kBroken};
  } else if (link == "router-budget") {
    // Calls are sent again, and nothing of an answer passes here. They are small.
    faults[2].name = "reset every 6 kB";
    faults[2].faults.cut_after_bytes = 6'000;
    faults[2].others = {Sight::kRefused};
  } else if (link == "adapter-u0") {
    // Each connection has one request at a time.
    faults[2].name = "reset every 6 kB";
    faults[2].faults.cut_after_bytes = 6'000;
  } else if (link == "budget-redis") {
    // Whole as long as a script's bytes arrive within redis.command_timeout_ms, which a busy machine may not grant.
    faults[1].others = {Sight::kRefused};
    faults[2].name = "reset every 6 kB";
    faults[2].faults.cut_after_bytes = 6'000;
    faults[2].others = {Sight::kRefused};
    // Longer than a command waits.
    faults[3].name = "parted for 3 s";
    faults[3].heals_after = milliseconds(3000);
    faults[3].others = {Sight::kRefused};
  }
  return faults;
}

class LinkTest : public ::testing::TestWithParam<std::string> {
 protected:
  LinkTest() {
    // What was refused with an unknown outcome may have left a hold, which ends with its lease.
    const json settings = {{"budget", {{"lease_ms", 3000}}}};
    const auto detour = [this](const std::string& link, const std::string& address) {
      if (link != GetParam())
        return address;
      const std::string list = "ipv4:";
      proxy_ = std::make_unique<FaultProxy>(address.starts_with(list) ? address.substr(list.size()) : address);
      return proxy_->address();
    };
    suite_.emplace(Form::kFiveProcesses, 1, settings, 1, detour);
    port_ = suite_->port();
    if (GetParam() == kClientLink) {
      proxy_ = std::make_unique<FaultProxy>(fmt::format("127.0.0.1:{}", port_));
      port_ = proxy_->port();
    }
    key_ = suite_->create_key("ci");
    for (const bool stream : {false, true}) {
      // The first may be refused: the processes find each other meanwhile.
      EXPECT_TRUE(wait_until([&] {
        HttpExchange exchange(port_, request(stream));
        whole_[stream] = without_ids(exchange.body());
        return exchange.status() == 200 && exchange.complete();
      })) << whole_[stream];
    }
  }

  HttpRequest request(bool stream) { return suite_->request(key_, stream, stream ? kStreamKnobs : kWholeKnobs); }

  Seen ask(bool stream) {
    HttpExchange exchange(port_, request(stream));
    return see(exchange, whole_[stream]);
  }

  void run(const Fault& fault, Sights& sights) {
    proxy_->set(fault.faults);
    const auto start = steady_clock::now();
    std::vector<std::thread> clients;
    for (int i = 0; i < kClients; ++i) {
      clients.emplace_back([&, i] {
        for (int round = 0; round < kRounds; ++round)
          sights.add(ask((i + round) % 2 == 0));
      });
    }
    if (fault.heals_after.count() > 0) {
      std::this_thread::sleep_until(start + fault.heals_after);
      proxy_->set({});
    }
    for (std::thread& client : clients)
      client.join();
    proxy_->set({});
  }

  // Nothing in flight, what was served whole was charged as the upstream charges it, what was served in part was
  // settled, nothing twice. Returns by how much all that was charged differs from the upstream's bill, in nano-USD.
  std::int64_t check_money(const Sights& sights) {
    expect_books_are_closed(*suite_);
    std::map<std::string, std::int64_t> billed;
    const json journal = suite_->simulator().billed();
    for (const json& one : journal.at("requests"))
      billed[one.at("message_id")] = cost_of(one);
    Records records(suite_->redis().config());
    for (const Seen& seen : sights.all()) {
      if (seen.message.empty() || seen.generation.empty())
        continue;
      const Settled settled = records.settled(seen.generation);
      EXPECT_GE(settled.cost, 0) << seen.generation << " was served and is not settled";
      if (seen.sight == Sight::kWhole) {
        EXPECT_EQ(settled.cost, billed.at(seen.message)) << seen.generation;
      }
    }
    return nano_usd(suite_->key("ci").at("usage")) - cost_of(journal.at("totals"));
  }

  std::unique_ptr<FaultProxy> proxy_;
  std::optional<Suite> suite_;
  std::uint16_t port_ = 0;
  std::string key_;
  std::map<bool, std::string> whole_;
};

TEST_P(LinkTest, WhateverHappensToIt) {
  std::int64_t before = 0;
  for (const Fault& fault : faults_of(GetParam())) {
    SCOPED_TRACE(fault.name);
    Sights sights;
    const std::uint64_t cuts = proxy_->cuts();
    run(fault, sights);
    for (const Seen& seen : sights.all()) {
      EXPECT_TRUE(seen.sight == Sight::kWhole || fault.others.contains(seen.sight))
          << static_cast<int>(seen.sight) << " " << seen.status << " " << seen.text;
      EXPECT_LT(seen.took, kNoHang);
    }
    if (fault.faults.cut_after_bytes > 0) {
      EXPECT_GT(proxy_->cuts(), cuts);
    }
    // All is well again at once.
    EXPECT_TRUE(wait_until([&] { return ask(true).sight == Sight::kWhole; }));
    const std::int64_t off = check_money(sights);
    // A refused request is charged nothing, whatever Redis has heard of it.
    if (fault.others.empty() || GetParam() == "budget-redis") {
      EXPECT_EQ(off, before);
    }
    std::cout << fmt::format("| {} | {} | {} | longest {} ms | off the upstream's bill by {} nano-USD |\n", GetParam(),
                             fault.name, sights.summary(), sights.longest().count(), off - before);
    before = off;
  }
}

INSTANTIATE_TEST_SUITE_P(Links, LinkTest,
                         ::testing::Values(kClientLink, "gateway-router", "router-budget", "router-adapter",
                                           "budget-redis", "adapter-u0"),
                         [](const auto& given) {
                           std::string name = given.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace tollgate::testing
