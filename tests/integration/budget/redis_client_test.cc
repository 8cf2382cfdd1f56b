// The client's promises: values arrive as they are, a lost connection costs nobody anything but time, and time is
// bounded.
#include "services/common/redis/redis_client.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "tests/integration/budget/fixture.h"

namespace tollgate {
namespace {

using testing::HasSubstr;
using Type = RedisReply::Type;

const RedisScript& counter_script() {
  static const RedisScript script("counter",
                                  "redis.call('SADD', KEYS[1], ARGV[1]) return redis.call('SCARD', KEYS[1])");
  return script;
}

class RedisClientTest : public testing::Test {
 protected:
  absl::StatusOr<RedisReply> command(RedisClient& client, std::vector<std::string> argv) {
    return loop_.run(client.command(std::move(argv)));
  }

  Loop loop_;
};

TEST_F(RedisClientTest, RepliesOfEveryType) {
  RedisServer server;
  RedisClient client(loop_.context(), server.config());
  const std::string binary("\0\r\n$5\xff", 6);
  EXPECT_EQ(command(client, {"SET", binary, binary})->text, "OK");
  EXPECT_EQ(command(client, {"GET", binary})->text, binary);
  EXPECT_EQ(command(client, {"GET", "nothing"})->type, Type::kNil);
  EXPECT_EQ(command(client, {"GET", ""})->type, Type::kNil);
  EXPECT_EQ(command(client, {"INCRBY", "number", "-9007199254740993"})->integer, -9007199254740993);
  const auto nested = command(client, {"EVAL", "return {1, {'a', false}, redis.error_reply('ERR inner')}", "0"});
  ASSERT_EQ(nested->type, Type::kArray);
  ASSERT_EQ(nested->elements.size(), 3U);
  EXPECT_EQ(nested->elements[0].integer, 1);
  EXPECT_EQ(nested->elements[1].elements[0].text, "a");
  EXPECT_TRUE(nested->elements[1].elements[1].is_nil());
  EXPECT_TRUE(nested->elements[2].is_error());
  const auto refused = command(client, {"LPUSH", "number", "x"});
  ASSERT_TRUE(refused.ok());
  EXPECT_THAT(refused->text, HasSubstr("WRONGTYPE"));
  EXPECT_EQ(status_of(*refused).code(), absl::StatusCode::kInternal);
  const std::string large(3'000'000, 'x');
  EXPECT_EQ(command(client, {"SET", "large", large})->text, "OK");
  EXPECT_EQ(command(client, {"GET", "large"})->text, large);
}

TEST_F(RedisClientTest, TcpAndHostNames) {
  RedisServer server(RedisServer::Transport::kTcp);
  RedisConfig config = server.config();
  RedisClient by_address(loop_.context(), config);
  EXPECT_EQ(command(by_address, {"PING"})->text, "PONG");
  config.address = "localhost" + config.address.substr(config.address.rfind(':'));
  RedisClient by_name(loop_.context(), config);
  EXPECT_EQ(command(by_name, {"PING"})->text, "PONG");
}

TEST_F(RedisClientTest, Credentials) {
  RedisServer server(RedisServer::Transport::kUnixSocket,
                     {"--requirepass", "secret", "--user", "tollgate", "on", ">pass", "~*", "+@all"});
  struct Case {
    const char* username;
    const char* password;
    const char* problem;
  };
  for (const Case& c : {Case{"", "secret", nullptr}, Case{"tollgate", "pass", nullptr}, Case{"", "wrong", "WRONGPASS"},
                        Case{"tollgate", "secret", "WRONGPASS"}, Case{"", "", "NOAUTH"}}) {
    SCOPED_TRACE(std::string(c.username) + "/" + c.password);
    RedisConfig config = server.config();
    config.username = c.username;
    config.password = c.password;
    config.command_timeout = milliseconds(300);
    RedisClient client(loop_.context(), config);
    const auto reply = command(client, {"GET", "x"});
    if (c.problem == nullptr) {
      expect_ok(reply);
      continue;
    }
    ASSERT_FALSE(reply.ok());
    EXPECT_EQ(kind_of(reply.status()), v1::Failure::KIND_UNAVAILABLE);
    EXPECT_THAT(std::string(reply.status().message()), HasSubstr(c.problem));
    EXPECT_THAT(std::string(reply.status().message()), HasSubstr(server.address()));
    EXPECT_THAT(std::string(reply.status().message()), testing::Not(HasSubstr("secret")));
  }
}

TEST_F(RedisClientTest, NobodyListens) {
  RedisServer server;
  server.kill();
  RedisServer tcp(RedisServer::Transport::kTcp);
  tcp.kill();
  for (const std::string& address : {server.address(), tcp.address(), std::string("unix:/nonexistent/redis.sock"),
                                     std::string("name.invalid:6379"), std::string("127.0.0.1:not-a-port")}) {
    SCOPED_TRACE(address);
    RedisConfig config;
    config.address = address;
    config.command_timeout = milliseconds(200);
    RedisClient client(loop_.context(), config);
    const auto reply = command(client, {"PING"});
    ASSERT_FALSE(reply.ok());
    EXPECT_EQ(kind_of(reply.status()), v1::Failure::KIND_UNAVAILABLE);
    EXPECT_THAT(std::string(reply.status().message()), HasSubstr(address));
    EXPECT_FALSE(client.ready());
  }
}

TEST_F(RedisClientTest, ConnectsWhenTheServerComes) {
  for (const auto transport : {RedisServer::Transport::kUnixSocket, RedisServer::Transport::kTcp}) {
    RedisServer server(transport);
    server.kill();
    RedisConfig config = server.config();
    config.command_timeout = milliseconds(20000);
    RedisClient client(loop_.context(), config);
    std::optional<absl::StatusOr<RedisReply>> reply;
    auto waiting = client.command({"SET", "x", "1"});
    asio::co_spawn(loop_.context(), std::move(waiting),
                   [&](std::exception_ptr, absl::StatusOr<RedisReply> value) { reply = std::move(value); });
    EXPECT_FALSE(loop_.run_until([&] { return reply.has_value(); }, milliseconds(200)));
    server.start();
    ASSERT_TRUE(loop_.run_until([&] { return reply.has_value(); }));
    expect_ok(*reply);
  }
}

TEST_F(RedisClientTest, WaitingCommandsAreBounded) {
  RedisServer server;
  server.kill();
  RedisConfig config = server.config();
  config.command_timeout = milliseconds(10000);
  RedisClientOptions options;
  options.max_pending = 3;
  RedisClient client(loop_.context(), config, options);
  int refused = 0;
  int answered = 0;
  for (int i = 0; i < 5; ++i) {
    asio::co_spawn(loop_.context(), client.command({"PING"}),
                   [&](std::exception_ptr, absl::StatusOr<RedisReply> reply) {
                     (reply.ok() ? answered : refused) += 1;
                     if (!reply.ok()) {
                       EXPECT_THAT(std::string(reply.status().message()), HasSubstr("3 commands"));
                     }
                   });
  }
  EXPECT_TRUE(loop_.run_until([&] { return refused == 2; }));
  EXPECT_EQ(answered, 0);
  server.start();
  EXPECT_TRUE(loop_.run_until([&] { return answered == 3; }));
}

TEST_F(RedisClientTest, ScriptsSurviveAFlush) {
  RedisServer server;
  RedisClient client(loop_.context(), server.config());
  std::vector<Awaitable<void>> workers;
  int done = 0;
  const auto worker = [](RedisClient& redis, int number, int& count) -> Awaitable<void> {
    for (int i = 0; i < 50; ++i) {
      std::vector<std::string> keys = {"set"};
      std::vector<std::string> args = {std::to_string(number * 1000 + i)};
      const auto reply = co_await redis.eval(counter_script(), std::move(keys), std::move(args));
      EXPECT_TRUE(reply.ok() && reply->type == Type::kInteger);
      count += 1;
      if (i % 10 == number % 10) {
        std::vector<std::string> flush = {"SCRIPT", "FLUSH"};
        const auto flushed = co_await redis.command(std::move(flush));
        EXPECT_TRUE(flushed.ok());
      }
    }
  };
  for (int number = 0; number < 32; ++number)
    workers.push_back(worker(client, number, done));
  loop_.run_all(std::move(workers));
  EXPECT_EQ(done, 32 * 50);
  EXPECT_EQ(command(client, {"SCARD", "set"})->integer, 32 * 50);
}

TEST_F(RedisClientTest, CommandsInFlightSurviveAKill) {
  for (const auto transport : {RedisServer::Transport::kUnixSocket, RedisServer::Transport::kTcp}) {
    RedisServer server(transport);
    RedisConfig config = server.config();
    config.command_timeout = milliseconds(20000);
    RedisClient client(loop_.context(), config);
    EXPECT_TRUE(loop_.run_until([&] { return client.ready(); }));
    int answered = 0;
    const auto count = [&](std::exception_ptr, absl::StatusOr<RedisReply> reply) {
      expect_ok(reply);
      ++answered;
    };
    // Frozen, so that the commands are lost with it.
    server.freeze();
    for (int i = 0; i < 100; ++i) {
      std::vector<std::string> args = {std::to_string(i)};
      asio::co_spawn(loop_.context(), client.eval(counter_script(), {"set"}, args), count);
    }
    EXPECT_FALSE(loop_.run_until([&] { return answered > 0; }, milliseconds(50)));
    server.kill();
    EXPECT_TRUE(loop_.run_until([&] { return !client.ready(); }));
    server.start();
    EXPECT_TRUE(loop_.run_until([&] { return answered == 100; }));
    EXPECT_EQ(command(client, {"SCARD", "set"})->integer, 100);
  }
}

TEST_F(RedisClientTest, AFrozenServerIsReportedInTimeAndForgiven) {
  RedisServer server;
  RedisConfig config = server.config();
  config.connect_timeout = milliseconds(100);
  config.command_timeout = milliseconds(400);
  RedisClient client(loop_.context(), config);
  EXPECT_TRUE(command(client, {"SET", "x", "0"}).ok());
  server.freeze();
  for (int i = 0; i < 3; ++i) {
    const auto begin = SteadyClock::now();
    const auto reply = command(client, {"SET", "x", "1"});
    ASSERT_FALSE(reply.ok());
    EXPECT_EQ(kind_of(reply.status()), v1::Failure::KIND_UNAVAILABLE);
    const auto took = SteadyClock::now() - begin;
    EXPECT_GE(took, milliseconds(400));
    // Generous: the machine may be busy; what must not happen is that it waits for the server.
    EXPECT_LT(took, milliseconds(3000));
  }
  server.thaw();
  EXPECT_TRUE(loop_.run_until([&] { return client.ready(); }));
  EXPECT_EQ(command(client, {"SET", "x", "2"})->text, "OK");
  EXPECT_EQ(command(client, {"GET", "x"})->text, "2");
}

TEST_F(RedisClientTest, ADeadConnectionIsReplacedWithinTheCommandsTime) {
  RedisServer server;
  RedisConfig config = server.config();
  config.command_timeout = milliseconds(2000);
  RedisClient client(loop_.context(), config);
  RedisClient other(loop_.context(), config);
  EXPECT_TRUE(command(client, {"PING"}).ok());
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(command(other, {"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"}).ok());
    EXPECT_TRUE(command(client, {"PING"}).ok());
  }
}

TEST_F(RedisClientTest, ACancelledCommandDropsItsReply) {
  RedisServer server;
  RedisClient client(loop_.context(), server.config());
  EXPECT_TRUE(command(client, {"PING"}).ok());
  server.freeze();
  constexpr int kCommands = 20;
  std::vector<asio::cancellation_signal> signals(kCommands);
  int cancelled = 0;
  for (auto& signal : signals) {
    const auto ended = [&](std::exception_ptr problem, absl::StatusOr<RedisReply>) { cancelled += problem ? 1 : 0; };
    asio::co_spawn(loop_.context(), client.command({"INCR", "x"}), asio::bind_cancellation_slot(signal.slot(), ended));
  }
  EXPECT_FALSE(loop_.run_until([&] { return cancelled > 0; }, milliseconds(50)));
  for (auto& signal : signals) {
    signal.emit(asio::cancellation_type::terminal);
    signal.emit(asio::cancellation_type::terminal);
  }
  EXPECT_TRUE(loop_.run_until([&] { return cancelled == kCommands; }));
  server.thaw();
  EXPECT_EQ(command(client, {"PING"})->text, "PONG");
}

TEST_F(RedisClientTest, TheEpochGrowsWithEachConnection) {
  RedisServer server;
  server.kill();
  RedisConfig config = server.config();
  config.command_timeout = milliseconds(20000);
  RedisClient client(loop_.context(), config);
  EXPECT_EQ(client.epoch(), 0U);
  server.start();
  for (std::uint64_t epoch = 1; epoch <= 3; ++epoch) {
    EXPECT_TRUE(command(client, {"PING"}).ok());
    EXPECT_EQ(client.epoch(), epoch);
    EXPECT_TRUE(command(client, {"PING"}).ok());
    EXPECT_EQ(client.epoch(), epoch);
    server.kill();
    EXPECT_TRUE(loop_.run_until([&] { return !client.ready(); }));
    server.start();
  }
}

TEST_F(RedisClientTest, DestroyedWithCommandsWaiting) {
  RedisServer server;
  int ended = 0;
  {
    RedisClient client(loop_.context(), server.config());
    EXPECT_TRUE(command(client, {"PING"}).ok());
    server.freeze();
    for (int i = 0; i < 10; ++i) {
      asio::co_spawn(loop_.context(), client.command({"PING"}),
                     [&](std::exception_ptr, absl::StatusOr<RedisReply> reply) {
                       EXPECT_EQ(kind_of(reply.status()), v1::Failure::KIND_UNAVAILABLE);
                       ++ended;
                     });
    }
    EXPECT_FALSE(loop_.run_until([&] { return ended > 0; }, milliseconds(50)));
  }
  EXPECT_TRUE(loop_.run_until([&] { return ended == 10; }));
  server.thaw();
}

}  // namespace
}  // namespace tollgate
