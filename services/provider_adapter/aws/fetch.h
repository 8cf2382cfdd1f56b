// One small HTTP exchange with a service that hands out credentials.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "services/common/config/config.h"
#include "services/provider_adapter/http/connection.h"

namespace tollgate::aws {

struct FetchRequest {
  std::string method = "GET";
  // http:// or https://, with a path; no query.
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  // For the connection, and for the answer.
  milliseconds timeout{5000};
};

struct FetchReply {
  unsigned status = 0;
  std::string body;
};

// Of one shard. Errors say what failed in words; an answer of any status is none. Cancellation by exception.
Awaitable<absl::StatusOr<FetchReply>> fetch(asio::io_context& context, Deadlines& deadlines, FetchRequest request);

}  // namespace tollgate::aws
