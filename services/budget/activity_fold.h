// Adds up what was read into the groups that were asked for. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tollgate/v1/activity.pb.h"

namespace tollgate {

// What a value of each dimension is taken from.
struct FoldKey {
  std::string_view key;
  std::string_view workspace;
  std::string_view model;
  std::string_view provider;
  std::string_view session;
  std::string_view status;
};

class ActivityFold {
 public:
  // Groups of one query.
  static constexpr std::size_t kMostGroups = 10'000;

  // `request` outlives it.
  explicit ActivityFold(const v1::ActivityQuery& request);

  // All of one group.
  struct Series {
    v1::ActivitySums total;
    std::map<std::int64_t, v1::ActivitySums> by_time;
  };

  // The group that counts it; stays as long as this does.
  Series& series(const FoldKey& key);
  // `at_ms`: begin of the hour or day.
  void add(Series& series, std::int64_t at_ms, const v1::ActivitySums& sums);

  // The values that cost most over all the time, each with all its hours or days; what is left goes to `others`.
  v1::ActivityReply reply() const;

 private:
  const v1::ActivityQuery& request_;
  v1::ActivitySums total_;
  std::map<std::vector<std::string>, Series> series_;
  // Of the group that is looked for: its memory is used again.
  std::vector<std::string> values_;
};

}  // namespace tollgate
