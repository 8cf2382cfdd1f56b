// Reads records out of the streams of several workspaces as if they were one.
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "services/budget/activity_match.h"
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

// By time; what was written at the same time by the names of the workspaces. Used on its shard alone; `redis` and
// `match` outlive it.
class RecordWalk {
 public:
  enum class Order { kNewestFirst, kOldestFirst };

  // Between `first` and `last`, both included; those that fit, out of the first `most`.
  RecordWalk(Redis& redis, const ActivityMatch& match, std::vector<std::string> workspaces, Order order, EntryId first,
             EntryId last, std::size_t most = std::numeric_limits<std::size_t>::max());

  // Goes on behind that place, newest first.
  void continue_at(const WalkPlace& place);

  // Empty at the end, and after `most`. KIND_UNAVAILABLE when Redis is away.
  Awaitable<absl::StatusOr<std::optional<WalkedRecord>>> next();

  // Whether there are further ones, be it beyond `most`.
  Awaitable<absl::StatusOr<bool>> more();

  // The last one that was looked at, whether it fitted or not; empty before the first.
  std::optional<WalkPlace> place() const;

  // After the end: looks again for what has been written since, and into further workspaces.
  void resume(const std::vector<std::string>& workspaces);

 private:
  struct Entry {
    EntryId id;
    // A serialized record: most are passed over, and need not be read.
    std::string bytes;
  };
  struct Lane {
    std::string workspace;
    // What is left of it, and the entries that were read of that.
    EntryId first;
    EntryId last;
    bool ended = false;
    // Entries to ask for next.
    std::size_t batch;
    std::deque<Entry> read;
  };
  Awaitable<absl::Status> read(Lane& lane);
  // So that each has something unless it is at its end.
  bool has_dry_lane() const;
  Awaitable<absl::Status> fill();
  // The lane whose turn it is; null when all are at their end.
  Lane* best();
  bool comes_before(const Lane& a, const Lane& b) const;

  Redis& redis_;
  const ActivityMatch& match_;
  const Order order_;
  const EntryId first_;
  const EntryId last_;
  const std::size_t most_;
  std::vector<Lane> lanes_;
  std::size_t looked_at_ = 0;
  // Where the last one was.
  EntryId seen_;
  std::size_t seen_lane_ = 0;
};

}  // namespace tollgate
