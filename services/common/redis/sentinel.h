// Asks Redis Sentinel which server is the master.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/common/async.h"
#include "services/common/config/config.h"

namespace tollgate {

class Sentinels {
 public:
  // `config.sentinel` is given. Used on `context`'s thread alone; one question at a time.
  Sentinels(asio::io_context& context, RedisConfig config);

  // host:port of the master. The sentinels are tried in turn, the one that answered last time first. The error says
  // what each of them has said.
  Awaitable<absl::StatusOr<std::string>> find_master();

 private:
  Awaitable<absl::StatusOr<std::string>> ask(std::string address);

  asio::io_context& context_;
  // Of a connection to a sentinel.
  RedisConfig config_;
  std::string master_;
  std::vector<std::string> addresses_;
};

}  // namespace tollgate
