#include "services/budget/record_walk.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "services/budget/commands.h"
#include "services/budget/key_text.h"
#include "services/budget/layout.h"
#include "services/common/base/errors.h"

namespace tollgate {
namespace {

// Entries read at once: few at first, for those who want the newest; at the most a millisecond of Redis' time.
constexpr std::size_t kFirstBatch = 50;
constexpr std::size_t kMostBatch = 800;

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, value);
  if (text.empty() || problem != std::errc() || stop != end)
    return std::nullopt;
  return value;
}

EntryId after(EntryId id) {
  return id.number == kLastEntry.number ? EntryId{id.ms + 1, 0} : EntryId{id.ms, id.number + 1};
}

EntryId before(EntryId id) {
  return id.number == 0 ? EntryId{id.ms - 1, kLastEntry.number} : EntryId{id.ms, id.number - 1};
}

}  // namespace

std::string EntryId::text() const {
  return fmt::format("{}-{}", ms, number);
}

std::optional<EntryId> parse_entry_id(std::string_view text) {
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos)
    return std::nullopt;
  const auto ms = parse_number(text.substr(0, dash));
  const auto number = parse_number(text.substr(dash + 1));
  if (!ms || !number)
    return std::nullopt;
  return EntryId{*ms, *number};
}

std::string WalkPlace::text() const {
  return fmt::format("{}.{}", id.text(), workspace);
}

std::optional<WalkPlace> parse_walk_place(std::string_view text) {
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos)
    return std::nullopt;
  const std::optional<EntryId> id = parse_entry_id(text.substr(0, dot));
  const std::string_view workspace = text.substr(dot + 1);
  if (!id || !is_workspace(workspace))
    return std::nullopt;
  return WalkPlace{*id, std::string(workspace)};
}

RecordWalk::RecordWalk(Redis& redis, const ActivityMatch& match, std::vector<std::string> workspaces, Order order,
                       EntryId first, EntryId last, std::size_t most)
    : redis_(redis), match_(match), order_(order), first_(first), last_(last), most_(most) {
  for (std::string& workspace : workspaces)
    lanes_.push_back({std::move(workspace), first, last, first > last, kFirstBatch, {}});
}

void RecordWalk::continue_at(const WalkPlace& place) {
  for (Lane& lane : lanes_) {
    // Of one time, the workspaces up to that one have been seen.
    const bool seen = lane.workspace <= place.workspace;
    if (seen && place.id == EntryId()) {
      lane.ended = true;
      continue;
    }
    lane.last = std::min(lane.last, seen ? before(place.id) : place.id);
    lane.ended = lane.ended || lane.first > lane.last;
  }
}

void RecordWalk::resume(const std::vector<std::string>& workspaces) {
  for (Lane& lane : lanes_)
    lane.ended = lane.first > lane.last;
  for (const std::string& workspace : workspaces) {
    const bool known =
        std::any_of(lanes_.begin(), lanes_.end(), [&](const Lane& lane) { return lane.workspace == workspace; });
    if (!known)
      lanes_.push_back({workspace, first_, last_, first_ > last_, kFirstBatch, {}});
  }
}

bool RecordWalk::comes_before(const Lane& a, const Lane& b) const {
  const EntryId& of_a = a.read.front().id;
  const EntryId& of_b = b.read.front().id;
  if (of_a == of_b)
    return a.workspace < b.workspace;
  return order_ == Order::kNewestFirst ? of_a > of_b : of_a < of_b;
}

std::optional<WalkPlace> RecordWalk::place() const {
  if (looked_at_ == 0)
    return std::nullopt;
  return WalkPlace{seen_, lanes_[seen_lane_].workspace};
}

bool RecordWalk::has_dry_lane() const {
  return std::any_of(lanes_.begin(), lanes_.end(), [](const Lane& lane) { return lane.read.empty() && !lane.ended; });
}

Awaitable<absl::Status> RecordWalk::fill() {
  for (Lane& lane : lanes_) {
    while (lane.read.empty() && !lane.ended) {
      if (absl::Status status = co_await read(lane); !status.ok())
        co_return status;
    }
  }
  co_return absl::OkStatus();
}

RecordWalk::Lane* RecordWalk::best() {
  Lane* best = nullptr;
  for (Lane& lane : lanes_) {
    if (!lane.read.empty() && (best == nullptr || comes_before(lane, *best)))
      best = &lane;
  }
  return best;
}

Awaitable<absl::StatusOr<bool>> RecordWalk::more() {
  if (absl::Status status = co_await fill(); !status.ok())
    co_return status;
  co_return best() != nullptr;
}

Awaitable<absl::StatusOr<std::optional<WalkedRecord>>> RecordWalk::next() {
  while (looked_at_ < most_) {
    if (has_dry_lane()) {
      if (absl::Status status = co_await fill(); !status.ok())
        co_return status;
    }
    Lane* const lane = best();
    if (lane == nullptr)
      break;
    const Entry entry = std::move(lane->read.front());
    lane->read.pop_front();
    ++looked_at_;
    seen_ = entry.id;
    seen_lane_ = static_cast<std::size_t>(lane - lanes_.data());
    if (!match_.may_fit(entry.bytes))
      continue;
    WalkedRecord walked;
    if (!walked.record.ParseFromString(entry.bytes) || !match_.fits(walked.record))
      continue;
    walked.place = {entry.id, lane->workspace};
    walked.record.set_workspace(lane->workspace);
    co_return walked;
  }
  co_return std::nullopt;
}

Awaitable<absl::Status> RecordWalk::read(Lane& lane) {
  const bool back = order_ == Order::kNewestFirst;
  std::vector<std::string> argv = {back ? "XREVRANGE" : "XRANGE",
                                   layout::records(lane.workspace),
                                   back ? lane.last.text() : lane.first.text(),
                                   back ? lane.first.text() : lane.last.text(),
                                   "COUNT",
                                   std::to_string(lane.batch)};
  absl::StatusOr<RedisReply> reply = co_await run(redis_, std::move(argv));
  if (!reply.ok())
    co_return reply.status();
  for (RedisReply& entry : reply->elements) {
    if (entry.elements.size() != 2 || entry.elements[1].elements.size() != 2)
      continue;
    if (const std::optional<EntryId> id = parse_entry_id(entry.elements[0].text))
      lane.read.push_back({*id, std::move(entry.elements[1].elements[1].text)});
  }
  lane.ended = reply->elements.size() < lane.batch;
  lane.batch = std::min(4 * lane.batch, kMostBatch);
  if (reply->elements.empty())
    co_return absl::OkStatus();
  const std::optional<EntryId> end = parse_entry_id(reply->elements.back().elements.front().text);
  if (!end)
    co_return error(v1::Failure::KIND_INTERNAL, "Redis gave a stream entry without an id.");
  if (back)
    lane.last = before(*end);
  else
    lane.first = after(*end);
  lane.ended = lane.ended || lane.first > lane.last;
  co_return absl::OkStatus();
}

}  // namespace tollgate
