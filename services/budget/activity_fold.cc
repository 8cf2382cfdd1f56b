#include "services/budget/activity_fold.h"

#include <algorithm>
#include <tuple>

#include "services/budget/packed_sums.h"

namespace tollgate {
namespace {

constexpr std::size_t kDefaultGroups = 100;

std::string_view value_of(const FoldKey& key, int dimension) {
  switch (dimension) {
    case v1::DIMENSION_KEY:
      return key.key;
    case v1::DIMENSION_WORKSPACE:
      return key.workspace;
    case v1::DIMENSION_MODEL:
      return key.model;
    case v1::DIMENSION_PROVIDER:
      return key.provider;
    case v1::DIMENSION_SESSION:
      return key.session;
    case v1::DIMENSION_STATUS:
      return key.status;
    default:
      return {};
  }
}

}  // namespace

ActivityFold::ActivityFold(const v1::ActivityQuery& request)
    : request_(request), values_(static_cast<std::size_t>(request.by_size())) {}

ActivityFold::Series& ActivityFold::series(const FoldKey& key) {
  for (int i = 0; i < request_.by_size(); ++i)
    values_[static_cast<std::size_t>(i)] = value_of(key, request_.by(i));
  return series_[values_];
}

void ActivityFold::add(Series& series, std::int64_t at_ms, const v1::ActivitySums& sums) {
  add_sums(total_, sums);
  add_sums(series.total, sums);
  add_sums(series.by_time[at_ms], sums);
}

v1::ActivityReply ActivityFold::reply() const {
  using Entry = const std::pair<const std::vector<std::string>, Series>*;
  std::vector<Entry> dearest;
  // What a replaced record has left counts nothing.
  for (const auto& entry : series_) {
    if (entry.second.total.requests() > 0)
      dearest.push_back(&entry);
  }
  std::sort(dearest.begin(), dearest.end(), [](Entry a, Entry b) {
    const v1::ActivitySums& of_a = a->second.total;
    const v1::ActivitySums& of_b = b->second.total;
    return std::tuple(-of_a.cost_nano_usd(), -of_a.requests(), a->first) <
           std::tuple(-of_b.cost_nano_usd(), -of_b.requests(), b->first);
  });
  const std::size_t limit =
      request_.limit() == 0 ? kDefaultGroups : std::min<std::size_t>(request_.limit(), kMostGroups);

  v1::ActivityReply out;
  *out.mutable_total() = total_;
  for (std::size_t i = 0; i < dearest.size(); ++i) {
    if (i >= limit) {
      add_sums(*out.mutable_others(), dearest[i]->second.total);
      continue;
    }
    for (const auto& [at_ms, sums] : dearest[i]->second.by_time) {
      v1::ActivityGroup& group = *out.add_groups();
      group.set_at_ms(at_ms);
      group.mutable_values()->Assign(dearest[i]->first.begin(), dearest[i]->first.end());
      *group.mutable_sums() = sums;
    }
  }
  std::stable_sort(out.mutable_groups()->begin(), out.mutable_groups()->end(),
                   [](const v1::ActivityGroup& a, const v1::ActivityGroup& b) {
                     return std::tuple(a.at_ms(), -a.sums().cost_nano_usd()) <
                            std::tuple(b.at_ms(), -b.sums().cost_nano_usd());
                   });
  return out;
}

}  // namespace tollgate
