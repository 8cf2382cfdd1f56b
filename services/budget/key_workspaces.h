// Which workspace a key belongs to.
#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>

#include "absl/status/statusor.h"
#include "services/common/redis/redis.h"

namespace tollgate {

// Remembers what it has looked up, since the workspace of a key never changes. Whether the key still exists is not
// its business: the scripts find no record of a removed one.
class KeyWorkspaces {
 public:
  // Holds between `capacity` and twice as many keys, the most recently used ones.
  explicit KeyWorkspaces(Redis& redis, std::size_t capacity = 50000) : redis_(redis), capacity_(capacity) {}

  // Nullptr when the key has to be looked up. Valid until the next call.
  const std::string* cached(const std::string& key_hash);
  // Empty when there is no such key.
  Awaitable<absl::StatusOr<std::string>> look_up(std::string key_hash);

 private:
  void remember(const std::string& key_hash, std::string workspace);

  Redis& redis_;
  const std::size_t capacity_;
  // When the young ones are `capacity_` many they become the old ones, and the old ones go.
  std::unordered_map<std::string, std::string> young_;
  std::unordered_map<std::string, std::string> old_;
};

}  // namespace tollgate
