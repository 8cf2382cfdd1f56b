// Addresses of one host, for all connections of a shard: one look-up at a time, its result good for a few seconds.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "services/common/async.h"

namespace tollgate::upstream {

// Used on one shard.
class Resolver {
 public:
  // Host may be an IP literal, which needs no look-up.
  Resolver(asio::io_context& context, std::string host, std::string port);

  // beast::error::timeout when the name service has not answered in time. Cancellation: by exception, at once (the
  // look-up itself, which cannot be stopped, ends in the background).
  Awaitable<error_code> resolve(std::chrono::milliseconds timeout, std::vector<Tcp::endpoint>& endpoints);

 private:
  struct State;
  static void start(const std::shared_ptr<State>& state);

  std::shared_ptr<State> state_;
};

}  // namespace tollgate::upstream
