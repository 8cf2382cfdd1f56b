// TLS to Redis: who is trusted, who is not, and that clients, sentinels' answers and clusters go through it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <stdexcept>

#include "services/common/redis/make_redis.h"
#include "tests/integration/redis/load.h"
#include "tests/support/process/temporary_directory.h"
#include "tests/support/process/wait.h"
#include "tests/support/redis/redis_server.h"

namespace tollgate {
namespace {

using ::testing::HasSubstr;

// An authority and certificates signed by it, made by the openssl command.
class Certificates {
 public:
  Certificates() {
    authority("ca");
    authority("other");
    certificate("server", "IP:127.0.0.1,DNS:redis.example");
    certificate("client", "DNS:tollgate.example");
  }

  std::string file(const std::string& name) const { return (directory_.path() / name).string(); }

 private:
  static constexpr const char* kKey = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";

  void openssl(const std::string& arguments) const {
    const std::string command =
        fmt::format("cd {} && openssl {} >/dev/null 2>&1", directory_.path().string(), arguments);
    if (std::system(command.c_str()) != 0)
      throw std::runtime_error("failed: " + command);
  }
  void authority(const std::string& name) const {
    openssl(fmt::format("req -x509 {0} -days 2 -subj /CN={1} -keyout {1}.key -out {1}.pem", kKey, name));
  }
  void certificate(const std::string& name, const std::string& names) const {
    directory_.write(name + ".ext", "subjectAltName=" + names + "\n");
    openssl(fmt::format("req {0} -subj /CN=test -keyout {1}.key -out {1}.csr", kKey, name));
    openssl(
        fmt::format("x509 -req -in {0}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile {0}.ext -out "
                    "{0}.pem",
                    name));
  }

  testing::TemporaryDirectory directory_;
};

const Certificates& certificates() {
  static const Certificates made;
  return made;
}

class RedisTlsTest : public ::testing::Test {
 protected:
  std::vector<std::string> options(const std::string& auth_clients) const {
    return {"--tls-port",         std::to_string(port_),
            "--tls-cert-file",    certificates().file("server.pem"),
            "--tls-key-file",     certificates().file("server.key"),
            "--tls-ca-cert-file", certificates().file("ca.pem"),
            "--tls-auth-clients", auth_clients};
  }
  RedisConfig config(const std::string& host = "127.0.0.1") const {
    RedisConfig config;
    config.address = fmt::format("{}:{}", host, port_);
    config.command_timeout = milliseconds(20000);
    config.tls.emplace().ca_file = certificates().file("ca.pem");
    return config;
  }
  absl::StatusOr<RedisReply> ping(RedisConfig config) {
    const auto redis = make_redis(loop_.context(), config);
    return loop_.run(redis->command({"PING"}));
  }
  void expect_refused(RedisConfig config, const std::string& problem) {
    config.command_timeout = milliseconds(500);
    const auto reply = ping(config);
    EXPECT_EQ(kind_of(reply.status()), v1::Failure::KIND_UNAVAILABLE);
    EXPECT_THAT(std::string(reply.status().message()), HasSubstr(problem));
  }

  // Before the certificates, so that the test's time is not theirs.
  const std::uint16_t port_ = testing::free_port();
  Loop loop_;
};

TEST_F(RedisTlsTest, OnlyTheTrustedServerIsTalkedTo) {
  RedisServer server(RedisServer::Transport::kUnixSocket, options("no"));
  EXPECT_EQ(ping(config())->text, "PONG");
  RedisConfig named = config();
  named.tls->server_name = "redis.example";
  EXPECT_EQ(ping(named)->text, "PONG");

  named.tls->server_name = "other.example";
  expect_refused(named, "its certificate is refused");
  expect_refused(config("localhost"), "its certificate is refused");
  RedisConfig distrusting = config();
  distrusting.tls->ca_file = certificates().file("other.pem");
  expect_refused(distrusting, "its certificate is refused");
  distrusting.tls->ca_file.clear();
  expect_refused(distrusting, "its certificate is refused");
  distrusting.tls->ca_file = "/nowhere/ca.pem";
  expect_refused(distrusting, "redis.tls.ca_file /nowhere/ca.pem");
  RedisConfig plain = config();
  plain.tls.reset();
  expect_refused(plain, "Redis at 127.0.0.1");
}

TEST_F(RedisTlsTest, AClientCertificateIsShown) {
  RedisServer server(RedisServer::Transport::kUnixSocket, options("yes"));
  // The server's alert, or the reset that overtakes it.
  expect_refused(config(), "Redis at 127.0.0.1");
  RedisConfig known = config();
  known.tls->certificate_file = certificates().file("client.pem");
  known.tls->key_file = certificates().file("client.key");
  EXPECT_EQ(ping(known)->text, "PONG");
  known.tls->key_file = certificates().file("server.key");
  expect_refused(known, "redis.tls.key_file");
}

TEST_F(RedisTlsTest, LargeValuesAndLostConnections) {
  RedisServer server(RedisServer::Transport::kUnixSocket, options("no"));
  const auto redis = make_redis(loop_.context(), config());
  const std::string large(5'000'000, 'x');
  EXPECT_EQ(loop_.run(redis->command({"SET", "large", large}))->text, "OK");
  EXPECT_EQ(loop_.run(redis->command({"GET", "large"}))->text, large);
  Load load(loop_, *redis, {"a", "b"}, 64);
  ASSERT_TRUE(load.goes_on(5000));
  for (int i = 0; i < 3; ++i) {
    const std::uint64_t epoch = redis->epoch();
    server.kill();
    server.start();
    ASSERT_TRUE(loop_.run_until([&] { return redis->epoch() > epoch; }));
    ASSERT_TRUE(load.goes_on(1000));
  }
  load.stop();
  EXPECT_TRUE(load.errors().empty());
}

TEST_F(RedisTlsTest, AClusterOfOneNode) {
  std::vector<std::string> clustered = options("no");
  const std::string bus = std::to_string(testing::free_port());
  clustered.insert(clustered.end(), {"--cluster-enabled", "yes", "--cluster-port", bus, "--tls-cluster", "yes"});
  RedisServer server(RedisServer::Transport::kTcp, clustered);
  RedisConfig direct = config();
  const auto setup = make_redis(loop_.context(), direct);
  std::vector<std::string> all = {"CLUSTER", "ADDSLOTSRANGE", "0", "16383"};
  EXPECT_EQ(loop_.run(setup->command(std::move(all)))->text, "OK");
  RedisConfig cluster = direct;
  cluster.cluster.emplace().addresses = {direct.address};
  const auto redis = make_redis(loop_.context(), cluster);
  EXPECT_EQ(loop_.run(redis->command({"SET", "x", "1"}))->text, "OK");
  EXPECT_EQ(loop_.run(redis->eval(add_script(), {"set"}, {"1"}))->integer, 1);
}

}  // namespace
}  // namespace tollgate
