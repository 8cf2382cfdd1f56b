#include "services/tollgate/management_session.h"

#include <iostream>

#include "services/budget/redis_keys.h"
#include "services/budget/redis_workspaces.h"
#include "services/common/redis/make_redis.h"
#include "services/common/rpc/channel.h"
#include "services/common/rpc/keys_rpc.h"
#include "services/common/rpc/workspaces_rpc.h"

namespace tollgate {
namespace {

constexpr std::chrono::milliseconds kDeadline{5000};

}  // namespace

absl::StatusOr<std::unique_ptr<ManagementSession>> ManagementSession::open(const ConfigOptions& options) {
  const absl::StatusOr<Config> config = load_config(options, Secrets::kWithoutUpstreams);
  if (!config.ok())
    return config.status();
  return std::unique_ptr<ManagementSession>(new ManagementSession(*config));
}

ManagementSession::ManagementSession(const Config& config) {
  if (!config.services.budget.empty()) {
    const auto channel = make_channel(config.services.budget);
    keys_ = std::make_unique<KeysClient>(channel, kDeadline);
    workspaces_ = std::make_unique<WorkspacesClient>(channel, kDeadline);
    return;
  }
  redis_ = make_redis(context_, config.redis);
  keys_ = std::make_unique<RedisKeys>(*redis_);
  workspaces_ = std::make_unique<RedisWorkspaces>(*redis_);
}

int complain(const absl::Status& status) {
  std::cerr << status.message() << "\n";
  return 1;
}

}  // namespace tollgate
