// How the providers do at the moment, by what the last requests met: of each attempt, and not only of those that
// served. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tollgate/v1/activity.pb.h"

namespace tollgate {

class ProviderHealth {
 public:
  explicit ProviderHealth(std::int64_t now_ms) : now_ms_(now_ms) {}

  void add(const v1::ActivityRecord& record);

  // {"data":[...],"since":...,"sampled":...}, by model and provider. `models` and `providers`: those to show; empty:
  // all. `sampled`: there were more records than were added, the oldest of which is of `since_ms`.
  std::string json(const v1::ActivityFilter& shown, std::int64_t since_ms, bool sampled) const;

 private:
  struct Endpoint {
    std::int64_t attempts = 0;
    std::int64_t failed = 0;
    bool outage = false;
    std::vector<double> first_token_ms;
    std::vector<double> tokens_per_second;
  };

  const std::int64_t now_ms_;
  // By model and provider.
  std::map<std::pair<std::string, std::string>, Endpoint> endpoints_;
};

}  // namespace tollgate
