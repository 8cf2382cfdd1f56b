// Whether a record, or the sums of many, fits a filter. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "services/budget/activity_writes.h"
#include "tollgate/v1/activity.pb.h"

namespace tollgate {

// KIND_INVALID_REQUEST for a status that is neither a number nor a class, or times the wrong way round.
absl::Status check_filter(const v1::ActivityFilter& filter);

// Records must be read to answer it: sums know nothing of these.
bool needs_records(const v1::ActivityFilter& filter);

// All but time and workspace. `filter` outlives it.
class ActivityMatch {
 public:
  explicit ActivityMatch(const v1::ActivityFilter& filter);

  bool fits(const v1::ActivityRecord& record) const;
  // False when no record that is written so can fit; far quicker than reading it.
  bool may_fit(std::string_view bytes) const;
  // `key_name` may be empty where no name is asked for (names_keys).
  bool fits(const SumsField& sums, std::string_view key_name) const;
  // Of a session: its key, id and the search.
  bool fits(const v1::Session& session) const;

  bool fits_key(std::string_view id, std::string_view name) const;

  // The filter names a key otherwise than by its id.
  bool names_keys() const { return names_keys_; }

 private:
  bool fits_status(std::string_view status) const;
  bool found_in(std::string_view text) const;

  const v1::ActivityFilter& filter_;
  // In lower case.
  std::string search_;
  bool names_keys_ = false;
};

}  // namespace tollgate
