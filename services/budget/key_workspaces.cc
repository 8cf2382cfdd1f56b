#include "services/budget/key_workspaces.h"

#include "services/budget/layout.h"

namespace tollgate {

const std::string* KeyWorkspaces::cached(const std::string& key_hash) {
  if (const auto it = young_.find(key_hash); it != young_.end())
    return &it->second;
  const auto it = old_.find(key_hash);
  if (it == old_.end())
    return nullptr;
  remember(key_hash, it->second);
  return &young_.find(key_hash)->second;
}

Awaitable<absl::StatusOr<std::string>> KeyWorkspaces::look_up(std::string key_hash) {
  std::vector<std::string> argv = {"GET", layout::workspace_of_key(key_hash)};
  absl::StatusOr<RedisReply> reply = co_await redis_.command(std::move(argv));
  if (!reply.ok())
    co_return reply.status();
  if (absl::Status status = status_of(*reply); !status.ok())
    co_return status;
  if (!reply->text.empty())
    remember(key_hash, reply->text);
  co_return std::move(reply->text);
}

void KeyWorkspaces::remember(const std::string& key_hash, std::string workspace) {
  if (young_.size() >= capacity_) {
    old_ = std::move(young_);
    young_.clear();
  }
  young_.insert_or_assign(key_hash, std::move(workspace));
}

}  // namespace tollgate
