// One name, several servers: each in turn, also those that came later.
#include <fmt/format.h>

#include "tests/integration/rpc/loopback.h"
#include "tests/support/network/name_server.h"
#include "tests/support/process/wait.h"

namespace tollgate {
namespace {

constexpr const char* kName = "servers.tollgate.test";

class BalancingTest : public ::testing::Test {
 protected:
  // A server that counts its calls, at the common port of an address of its own.
  struct Replica {
    Replica(Shards& shards, std::string address, std::chrono::milliseconds connection_age)
        : service({Shard<Messages>{shards.at(0).get_executor(), &fake}}),
          server({.address = std::move(address), .connection_age = connection_age}) {
      fake.on_count_tokens = [this](v1::CreateRequest) -> Awaitable<absl::StatusOr<v1::CountTokensReply>> {
        ++calls;
        co_return v1::CountTokensReply();
      };
      server.add(service);
      const absl::Status started = server.start();
      EXPECT_TRUE(started.ok()) << started;
    }

    std::atomic<int> calls{0};
    FakeMessages fake;
    MessagesService service;
    RpcServer server;
  };

  BalancingTest() : shards_(2) { shards_.start(); }
  ~BalancingTest() override {
    replicas_.clear();
    client_.reset();
    shards_.stop();
  }

  Replica& add(const std::string& host, std::chrono::milliseconds connection_age = 10min) {
    replicas_.push_back(std::make_unique<Replica>(shards_, host + ":" + std::to_string(port_), connection_age));
    return *replicas_.back();
  }

  void connect(const std::string& target) { client_ = std::make_unique<MessagesClient>(make_channel(target)); }

  void call() {
    const auto reply = Task<absl::StatusOr<v1::CountTokensReply>>(shards_.at(1).get_executor(),
                                                                  client_->count_tokens(request_of("{}")))
                           .get();
    EXPECT_TRUE(reply.ok()) << reply.status();
  }

  const std::uint16_t port_ = testing::free_port();
  Shards shards_;
  std::vector<std::unique_ptr<Replica>> replicas_;
  std::unique_ptr<MessagesClient> client_;
};

TEST_F(BalancingTest, AListOfAddresses) {
  Replica& first = add("127.0.0.1");
  Replica& second = add("127.0.0.2");
  connect(fmt::format("ipv4:127.0.0.1:{0},127.0.0.2:{0}", port_));
  EXPECT_TRUE(eventually([&] {
    call();
    return first.calls > 10 && second.calls > 10;
  }));
}

TEST_F(BalancingTest, ANameOfSeveralAddresses) {
  testing::NameServer names;
  names.set(kName, {"127.0.0.1", "127.0.0.2"});
  Replica& first = add("127.0.0.1");
  Replica& second = add("127.0.0.2");
  connect(names.target(kName, port_));
  EXPECT_TRUE(eventually([&] {
    call();
    return first.calls > 10 && second.calls > 10;
  }));
  // One of them goes; not a call is lost.
  second.server.drain(0ms);
  for (int i = 0; i < 100; ++i)
    call();
}

// A connection that is old is replaced, and the name is looked up again then.
TEST_F(BalancingTest, AReplicaThatCameLater) {
  testing::NameServer names;
  names.set(kName, {"127.0.0.1"});
  add("127.0.0.1", 100ms);
  connect(names.target(kName, port_));
  call();
  Replica& late = add("127.0.0.2");
  names.set(kName, {"127.0.0.1", "127.0.0.2"});
  EXPECT_TRUE(eventually([&] {
    call();
    return late.calls > 10;
  }));
}

// All addresses change within seconds, as when a service is rolled; gRPC's own pause between look-ups is 30 s.
TEST_F(BalancingTest, AllAddressesChange) {
  testing::NameServer names;
  names.set(kName, {"127.0.0.1"});
  Replica& first = add("127.0.0.1");
  connect(names.target(kName, port_));
  call();
  Replica& second = add("127.0.0.2");
  names.set(kName, {"127.0.0.2"});
  first.server.drain(0ms);
  const auto start = SteadyClock::now();
  EXPECT_TRUE(eventually([&] {
    // Until the new address is known, calls may fail.
    const auto reply = Task<absl::StatusOr<v1::CountTokensReply>>(shards_.at(1).get_executor(),
                                                                  client_->count_tokens(request_of("{}")))
                           .get();
    return reply.ok() && second.calls > 0;
  }));
  EXPECT_LT(SteadyClock::now() - start, 15s);
}

}  // namespace
}  // namespace tollgate
