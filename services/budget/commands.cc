#include "services/budget/commands.h"

#include <utility>

namespace tollgate {
namespace {

absl::StatusOr<RedisReply> checked(absl::StatusOr<RedisReply> reply) {
  if (reply.ok()) {
    if (absl::Status status = status_of(*reply); !status.ok())
      return status;
  }
  return reply;
}

}  // namespace

Awaitable<absl::StatusOr<RedisReply>> run(Redis& redis, std::vector<std::string> argv) {
  absl::StatusOr<RedisReply> reply = co_await redis.command(std::move(argv));
  co_return checked(std::move(reply));
}

Awaitable<absl::StatusOr<RedisReply>> run(Redis& redis, const RedisScript& script, std::vector<std::string> keys,
                                          std::vector<std::string> args) {
  absl::StatusOr<RedisReply> reply = co_await redis.eval(script, std::move(keys), std::move(args));
  co_return checked(std::move(reply));
}

}  // namespace tollgate
