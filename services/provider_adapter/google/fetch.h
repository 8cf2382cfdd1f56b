// Small requests to the services that issue tokens: one at a time, answers of 64 KiB at most.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "services/provider_adapter/http/client.h"

namespace tollgate::gcp {

struct FetchRequest {
  std::string_view method = "POST";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  // Sent with a content-length where the method is POST.
  std::string body;
};

struct FetchReply {
  unsigned status = 0;
  std::string body;
};

// Used on one shard.
class Fetcher {
 public:
  // `name`, of the upstream, and `ca_file` as in UpstreamConfig.
  Fetcher(asio::io_context& context, Deadlines& deadlines, std::string name, std::string ca_file)
      : context_(context), deadlines_(deadlines), name_(std::move(name)), ca_file_(std::move(ca_file)) {}

  // 5 s to connect, 10 s for the answer. Redirects are not followed. Errors carry a Failure; cancellation by exception.
  Awaitable<absl::StatusOr<FetchReply>> fetch(FetchRequest request);

 private:
  asio::io_context& context_;
  Deadlines& deadlines_;
  const std::string name_;
  const std::string ca_file_;
  // By scheme and authority.
  std::map<std::string, std::unique_ptr<upstream::Client>> clients_;
};

}  // namespace tollgate::gcp
