// One Redis server over one connection, TCP or Unix socket: commands are pipelined, the connection is made anew when it
// breaks, and commands wait meanwhile.
#pragma once

#include <cstddef>
#include <memory>

#include "services/common/config/config.h"
#include "services/common/redis/redis.h"

namespace tollgate {

class RedisClient : public Redis {
 public:
  // Begins to connect at once. `max_pending` bounds the commands that wait for the connection or for their reply; one
  // more gets UNAVAILABLE at once. The client keeps `context` busy until it is destroyed. SIGPIPE is ignored from here
  // on in the whole process, because hiredis does not avoid it.
  RedisClient(asio::io_context& context, RedisConfig config, std::size_t max_pending = 16384);
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

 private:
  class Core;
  std::shared_ptr<Core> core_;
};

}  // namespace tollgate
