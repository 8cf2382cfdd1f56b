// Keys and workspaces for one command, in Redis or behind a budget service.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>

#include "absl/status/statusor.h"
#include "services/common/api/keys.h"
#include "services/common/api/workspaces.h"
#include "services/common/process/process.h"
#include "services/common/redis/redis.h"
#include "services/tollgate/run_to_end.h"

namespace tollgate {

class ManagementSession {
 public:
  // The configuration's error when there is none.
  static absl::StatusOr<std::unique_ptr<ManagementSession>> open(const ConfigOptions& options);

  // Waits for the reply of `method` of Keys or of Workspaces.
  template <class Reply, class Request>
  absl::StatusOr<Reply> call(Awaitable<absl::StatusOr<Reply>> (Keys::*method)(const Request&), const Request& request) {
    return run_to_end(context_, ((*keys_).*method)(request));
  }
  template <class Reply, class Request>
  absl::StatusOr<Reply> call(Awaitable<absl::StatusOr<Reply>> (Workspaces::*method)(const Request&),
                             const Request& request) {
    return run_to_end(context_, ((*workspaces_).*method)(request));
  }

 private:
  explicit ManagementSession(const Config& config);

  asio::io_context context_;
  std::unique_ptr<Redis> redis_;
  std::unique_ptr<Keys> keys_;
  std::unique_ptr<Workspaces> workspaces_;
};

// Says what is wrong and returns the exit code.
int complain(const absl::Status& status);

}  // namespace tollgate
