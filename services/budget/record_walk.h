// Reads records out of the streams of several workspaces as if they were one.
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "services/common/redis/redis.h"
#include "tollgate/v1/activity.pb.h"

namespace tollgate {

// An entry's place in its stream: the time at which it was written, Unix ms, and a number.
struct EntryId {
  std::uint64_t ms = 0;
  std::uint64_t number = 0;

  auto operator<=>(const EntryId&) const = default;
  std::string text() const;
};
inline constexpr EntryId kLastEntry{std::numeric_limits<std::uint64_t>::max(),
                                    std::numeric_limits<std::uint64_t>::max()};

std::optional<EntryId> parse_entry_id(std::string_view text);

// Where a walk has arrived: an entry of a workspace. As text, what callers come back with.
struct WalkPlace {
  EntryId id;
  std::string workspace;

  std::string text() const;
};
std::optional<WalkPlace> parse_walk_place(std::string_view text);

struct WalkedRecord {
  WalkPlace place;
  // With its workspace.
  v1::ActivityRecord record;
};

// By time; what was written at the same time by the names of the workspaces. Used on its shard alone; `redis` outlives
// it.
class RecordWalk {
 public:
  enum class Order { kNewestFirst, kOldestFirst };

  // Between `first` and `last`, both included.
  RecordWalk(Redis& redis, std::vector<std::string> workspaces, Order order, EntryId first, EntryId last);

  // Goes on behind that place, newest first.
  void continue_at(const WalkPlace& place);

  // Empty at the end. KIND_UNAVAILABLE when Redis is away.
  Awaitable<absl::StatusOr<std::optional<WalkedRecord>>> next();

  // After the end: looks again for what has been written since, and into further workspaces.
  void resume(const std::vector<std::string>& workspaces);

 private:
  struct Lane {
    std::string workspace;
    // What is left of it, and the entries that were read of that.
    EntryId first;
    EntryId last;
    bool ended = false;
    std::deque<WalkedRecord> read;
  };
  Awaitable<absl::Status> read(Lane& lane);
  bool comes_before(const Lane& a, const Lane& b) const;

  Redis& redis_;
  const Order order_;
  const EntryId first_;
  const EntryId last_;
  std::vector<Lane> lanes_;
};

}  // namespace tollgate
