// One Redis server over one connection, TCP or Unix socket: commands are pipelined, the connection is made anew when it
// breaks, and commands wait meanwhile.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "services/common/config/config.h"
#include "services/common/redis/redis.h"
#include "services/common/redis/redis_call.h"

namespace tollgate {

struct RedisClientOptions {
  // Bounds the commands that wait for the connection or for their reply; one more gets UNAVAILABLE at once.
  std::size_t max_pending = 16384;
  // What errors call the server; empty: its address.
  std::string name;
  // Asked before each connection for the address, which replaces the configured one. May be cancelled.
  std::function<Awaitable<absl::StatusOr<std::string>>()> locate;
  // A server that is no master by its ROLE is no server: the connection is given up.
  bool master_only = false;
  // False: once the first connection is lost or does not come about, all commands get UNAVAILABLE.
  bool reconnect = true;
  // Called when a connection stands, before the commands that wait go over it, and when one is lost or did not come
  // about. They must not destroy the client.
  std::function<void()> on_connected;
  std::function<void()> on_lost;
};

class RedisClient : public Redis {
 public:
  // Begins to connect to `config.address` at once. The client keeps `context` busy until it is destroyed. SIGPIPE is
  // ignored from here on in the whole process, because hiredis does not avoid it.
  RedisClient(asio::io_context& context, RedisConfig config, RedisClientOptions options = {});
  // Commands that wait get UNAVAILABLE.
  ~RedisClient() override;
  RedisClient(const RedisClient&) = delete;
  RedisClient& operator=(const RedisClient&) = delete;

  Awaitable<absl::StatusOr<RedisReply>> command(std::vector<std::string> argv) override;
  Awaitable<absl::StatusOr<RedisReply>> eval(const RedisScript& script, std::vector<std::string> keys,
                                             std::vector<std::string> args) override;
  std::uint64_t epoch() const override;

  // The connection stands and has answered.
  bool ready() const;

  // -- For a cluster, which spreads its commands over a client for each node --

  Awaitable<absl::StatusOr<RedisReply>> send(RedisCall call);
  // Ends the waiting commands that `which` picks with an error that was_given_back() knows, so that they can be sent
  // elsewhere. Those that were sent may have run.
  void give_back(const std::function<bool(const RedisCall&)>& which);
  static bool was_given_back(const absl::Status& status);
  // Commands that wait.
  std::size_t pending() const;

 private:
  class Core;
  std::shared_ptr<Core> core_;
};

}  // namespace tollgate
