#include "services/common/redis/sentinel.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "services/common/base/errors.h"
#include "services/common/redis/redis_client.h"
#include "services/common/redis/slots.h"

namespace tollgate {
namespace {

RedisConfig connection_of(RedisConfig config) {
  config.username = config.sentinel->username;
  config.password = config.sentinel->password;
  // Short, so that a sentinel that is away leaves the time of a command to the others.
  config.command_timeout = std::min(config.connect_timeout, config.command_timeout / 4);
  config.connect_timeout = config.command_timeout;
  return config;
}

}  // namespace

Sentinels::Sentinels(asio::io_context& context, RedisConfig config)
    : context_(context),
      config_(connection_of(config)),
      master_(config.sentinel->master),
      addresses_(config.sentinel->addresses) {}

Awaitable<absl::StatusOr<std::string>> Sentinels::find_master() {
  std::string problems;
  for (std::size_t i = 0; i < addresses_.size(); ++i) {
    std::string address = addresses_[i];
    absl::StatusOr<std::string> master = co_await ask(std::move(address));
    if (master.ok()) {
      std::rotate(addresses_.begin(), addresses_.begin() + static_cast<std::ptrdiff_t>(i), addresses_.end());
      co_return master;
    }
    problems += fmt::format("{}{}", problems.empty() ? "" : "; ", std::string(master.status().message()));
  }
  co_return error(v1::Failure::KIND_UNAVAILABLE, problems);
}

Awaitable<absl::StatusOr<std::string>> Sentinels::ask(std::string address) {
  RedisConfig config = config_;
  config.address = address;
  RedisClientOptions options;
  options.name = fmt::format("{} (a sentinel)", address);
  options.reconnect = false;
  RedisClient sentinel(context_, std::move(config), std::move(options));
  std::vector<std::string> argv = {"SENTINEL", "GET-MASTER-ADDR-BY-NAME", master_};
  const absl::StatusOr<RedisReply> reply = co_await sentinel.command(std::move(argv));
  if (!reply.ok())
    co_return reply.status();
  // Source: https://redis.io/docs/latest/develop/reference/sentinel-clients/
  if (reply->type == RedisReply::Type::kArray && reply->elements.size() == 2)
    co_return join_address(reply->elements[0].text, reply->elements[1].text);
  co_return error(v1::Failure::KIND_UNAVAILABLE,
                  fmt::format("the sentinel {} {}", address,
                              reply->is_error() ? fmt::format("says: {}", reply->text)
                                                : fmt::format("knows no master \"{}\"", master_)));
}

}  // namespace tollgate
