#include "services/budget/redis_activity.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <limits>
#include <map>
#include <unordered_map>

#include "services/budget/activity_fold.h"
#include "services/budget/commands.h"
#include "services/budget/key_names.h"
#include "services/budget/key_text.h"
#include "services/budget/layout.h"
#include "services/budget/packed_sums.h"
#include "services/budget/pipeline.h"
#include "services/budget/redis_workspaces.h"
#include "services/common/base/errors.h"

namespace tollgate {
namespace {

using v1::Failure;

constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::int64_t kDayMs = 24 * kHourMs;
constexpr std::int64_t kDefaultSinceMs = 7 * kDayMs;
constexpr std::size_t kDefaultPage = 50;
constexpr std::size_t kMostPage = 1000;
// Hashes of sums asked for at once: what the ledger asks for in the meantime waits for these alone.
constexpr std::size_t kPipelined = 16;
// Beyond, the whole time is read.
constexpr std::size_t kMostSessionsSought = 10'000;
// Entries bear Redis' own time, sessions that by which their workspace counts.
constexpr std::int64_t kClockSlackMs = kHourMs;
constexpr milliseconds kFollowPause{500};
// Of those, after how many it looks for new workspaces.
constexpr int kLooksBetweenWorkspaces = 20;

std::int64_t now_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<milliseconds>(now).count();
}

TimeRange range_of(const v1::ActivityFilter& filter) {
  return {filter.since_ms() == 0 ? std::max<std::int64_t>(now_ms() - kDefaultSinceMs, 0) : filter.since_ms(),
          filter.until_ms()};
}

std::size_t page_of(std::uint32_t limit) {
  return limit == 0 ? kDefaultPage : std::min<std::size_t>(limit, kMostPage);
}

// One hash of sums.
struct Bucket {
  std::string name;
  std::int64_t at_ms = 0;
};

// The hashes that hold what lies in `range`: days where a whole one is wanted, hours otherwise.
std::vector<Bucket> buckets_of(const std::string& workspace, TimeRange range, v1::Interval interval,
                               const ActivityConfig& config) {
  const std::int64_t now = now_ms();
  const std::int64_t until = range.until_ms == 0 ? now + kDayMs : std::min(range.until_ms, now + kDayMs);
  const std::int64_t oldest_hour = now - std::chrono::milliseconds(config.hourly).count();
  const std::int64_t oldest_day = now - std::chrono::milliseconds(config.daily).count();
  const auto add_hours = [&](std::int64_t from, std::int64_t to, std::optional<std::int64_t> at,
                             std::vector<Bucket>& buckets) {
    for (std::int64_t hour = from / kHourMs; hour * kHourMs < to; ++hour)
      buckets.push_back({layout::hour(workspace, hour), at ? *at : hour * kHourMs});
  };
  std::vector<Bucket> buckets;
  if (interval == v1::INTERVAL_HOUR) {
    add_hours(std::max(range.since_ms, oldest_hour), until, std::nullopt, buckets);
    return buckets;
  }
  for (std::int64_t day = std::max(range.since_ms, oldest_day) / kDayMs; day * kDayMs < until; ++day) {
    const std::int64_t begin = day * kDayMs;
    const std::int64_t at = interval == v1::INTERVAL_DAY ? begin : 0;
    const std::int64_t from = std::max(begin, range.since_ms / kHourMs * kHourMs);
    // Nothing lies behind the present.
    const bool to_its_end = until >= std::min(begin + kDayMs, now + kHourMs);
    if ((from == begin && to_its_end) || begin < oldest_hour)
      buckets.push_back({layout::day(workspace, day), at});
    else
      add_hours(from, std::min(begin + kDayMs, until), at, buckets);
  }
  return buckets;
}

// The interval that a record's time lies in.
std::int64_t interval_of(std::int64_t ms, v1::Interval interval) {
  if (interval == v1::INTERVAL_HOUR)
    return ms / kHourMs * kHourMs;
  return interval == v1::INTERVAL_DAY ? ms / kDayMs * kDayMs : 0;
}

absl::Status check_query(const v1::ActivityQuery& request) {
  if (absl::Status status = check_filter(request.filter()); !status.ok())
    return status;
  for (const int dimension : request.by()) {
    if (dimension == v1::DIMENSION_UNSPECIFIED || !v1::Dimension_IsValid(dimension)) {
      return error(Failure::KIND_INVALID_REQUEST,
                   "by: expected any of key, workspace, model, provider, session and status");
    }
  }
  if (!v1::Interval_IsValid(request.interval()))
    return error(Failure::KIND_INVALID_REQUEST, "interval: expected hour or day");
  return absl::OkStatus();
}

std::int64_t number_of(std::string_view text) {
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

bool is_by(const v1::ActivityQuery& request, v1::Dimension dimension) {
  return std::find(request.by().begin(), request.by().end(), dimension) != request.by().end();
}

absl::Status no_such_generation(const std::string& id) {
  return error(
      Failure::KIND_NOT_FOUND,
      fmt::format("There is no generation \"{}\": its record may have been dropped (activity.raw_ttl_days), or "
                  "belongs to another key.",
                  id.substr(0, 128)));
}

// The entry that a generation's own record names.
std::optional<EntryId> entry_of(std::string_view text) {
  text = text.substr(0, text.find('\n'));
  const std::size_t space = text.rfind(' ');
  if (text.empty() || text[0] == 'h' || space == std::string_view::npos)
    return std::nullopt;
  return parse_entry_id(text.substr(space + 1));
}

// When a generation began, of its id: gen-<Unix seconds>-...
std::optional<std::int64_t> begun_ms(std::string_view id) {
  if (!id.starts_with("gen-"))
    return std::nullopt;
  id.remove_prefix(4);
  std::int64_t seconds = 0;
  const auto [stop, problem] = std::from_chars(id.data(), id.data() + id.size(), seconds);
  if (problem != std::errc() || seconds <= 0 || seconds > 100'000'000'000)
    return std::nullopt;
  return seconds * 1000;
}

}  // namespace

Awaitable<absl::StatusOr<std::vector<std::string>>> RedisActivity::workspaces(const v1::ActivityFilter& filter) {
  absl::StatusOr<std::vector<std::string>> ids = co_await workspace_ids(redis_);
  if (!ids.ok() || filter.workspaces().empty())
    co_return ids;
  const auto& wanted = filter.workspaces();
  std::vector<std::vector<std::string>> get;
  for (const std::string& id : *ids)
    get.push_back({"HGET", layout::workspace_record(id), "name"});
  const auto names = co_await run_all(redis_, std::move(get));
  if (!names.ok())
    co_return names.status();
  std::vector<std::string> chosen;
  for (std::size_t i = 0; i < ids->size(); ++i) {
    const auto is_it = [&](const std::string& each) { return each == (*ids)[i] || each == (*names)[i].text; };
    if (std::any_of(wanted.begin(), wanted.end(), is_it))
      chosen.push_back((*ids)[i]);
  }
  co_return chosen;
}

Awaitable<absl::StatusOr<v1::ActivityReply>> RedisActivity::query(const v1::ActivityQuery& request) {
  if (absl::Status status = check_query(request); !status.ok())
    co_return status;
  const auto found = co_await workspaces(request.filter());
  if (!found.ok())
    co_return found.status();
  ActivityFold fold(request);
  bool incomplete = false;
  if (needs_records(request.filter()) || is_by(request, v1::DIMENSION_SESSION)) {
    std::vector<std::string> all = *found;
    const auto cut = co_await add_records(request, std::move(all), fold);
    if (!cut.ok())
      co_return cut.status();
    incomplete = *cut;
  } else {
    for (const std::string& workspace : *found) {
      std::string name = workspace;
      const absl::Status added = co_await add_sums(request, std::move(name), fold);
      if (!added.ok())
        co_return added;
    }
  }
  v1::ActivityReply reply = fold.reply();
  reply.set_incomplete(incomplete);
  std::vector<std::string> all = *found;
  const absl::Status named = co_await name_keys(reply, request, std::move(all));
  if (!named.ok())
    co_return named;
  co_return reply;
}

Awaitable<absl::StatusOr<TimeRange>> RedisActivity::time_of_sessions(const v1::ActivityFilter& filter,
                                                                     const std::vector<std::string>& workspaces,
                                                                     TimeRange range) {
  if (filter.sessions().empty())
    co_return range;
  const ActivityMatch match(filter);
  std::int64_t first = std::numeric_limits<std::int64_t>::max();
  std::int64_t last = 0;
  for (const std::string& workspace : workspaces) {
    std::string name = workspace;
    const absl::StatusOr<KeyNames> names = co_await key_names(redis_, std::move(name));
    if (!names.ok())
      co_return names.status();
    std::vector<std::vector<std::string>> get = {{"ZCARD", layout::sessions(workspace)},
                                                 {"ZRANGE", layout::sessions(workspace), "0", "0", "WITHSCORES"}};
    for (const auto& [hash, key_name] : *names) {
      if (!match.fits_key(hash, key_name))
        continue;
      for (const std::string& session : filter.sessions()) {
        const std::string digest = session_digest(hash, session);
        get.push_back({"HGET", layout::session(workspace, digest), "f"});
        get.push_back({"ZSCORE", layout::sessions(workspace), digest});
      }
    }
    if (get.size() > kMostSessionsSought)
      co_return range;
    const auto read = co_await run_all(redis_, std::move(get));
    if (!read.ok())
      co_return read.status();
    const std::vector<RedisReply>& oldest = (*read)[1].elements;
    const bool forgets = (*read)[0].integer >= static_cast<std::int64_t>(config_.sessions);
    if (forgets && oldest.size() == 2 && range.since_ms < number_of(oldest[1].text))
      co_return range;
    for (std::size_t i = 2; i + 1 < read->size(); i += 2) {
      if ((*read)[i].is_nil() || (*read)[i + 1].is_nil())
        continue;
      first = std::min(first, number_of((*read)[i].text));
      last = std::max(last, number_of((*read)[i + 1].text));
    }
  }
  if (last == 0)
    co_return TimeRange{range.since_ms, std::max<std::int64_t>(range.since_ms, 1)};
  range.since_ms = std::max(range.since_ms, first - kClockSlackMs);
  const std::int64_t end = last + kClockSlackMs;
  range.until_ms = range.until_ms == 0 ? end : std::min(range.until_ms, end);
  co_return range;
}

Awaitable<absl::Status> RedisActivity::add_sums(const v1::ActivityQuery& request, std::string workspace,
                                                ActivityFold& fold) {
  const ActivityMatch match(request.filter());
  KeyNames names;
  if (match.names_keys()) {
    std::string name = workspace;
    absl::StatusOr<KeyNames> read = co_await key_names(redis_, std::move(name));
    if (!read.ok())
      co_return read.status();
    names = *std::move(read);
  }
  // Null where the filter does not fit.
  const auto group_of = [&](std::string_view text) -> ActivityFold::Series* {
    const SumsField field = parse_sums_field(text);
    const auto name = names.find(field.key);
    if (!match.fits(field, name == names.end() ? std::string_view() : std::string_view(name->second)))
      return nullptr;
    return &fold.series({.key = field.key,
                         .workspace = workspace,
                         .model = field.model,
                         .provider = field.provider,
                         .session = {},
                         .status = field.status});
  };
  // By their fields, most of which come again in every hour and day.
  std::unordered_map<std::string, ActivityFold::Series*> groups;
  const std::vector<Bucket> buckets = buckets_of(workspace, range_of(request.filter()), request.interval(), config_);
  for (std::size_t done = 0; done < buckets.size(); done += kPipelined) {
    const std::size_t end = std::min(done + kPipelined, buckets.size());
    std::vector<std::vector<std::string>> get;
    for (std::size_t i = done; i < end; ++i)
      get.push_back({"HGETALL", buckets[i].name});
    auto read = co_await run_all(redis_, std::move(get));
    if (!read.ok())
      co_return read.status();
    for (std::size_t i = done; i < end; ++i) {
      std::vector<RedisReply>& fields = (*read)[i - done].elements;
      for (std::size_t j = 0; j + 1 < fields.size(); j += 2) {
        const auto [known, is_new] = groups.try_emplace(std::move(fields[j].text));
        if (is_new)
          known->second = group_of(known->first);
        if (known->second == nullptr)
          continue;
        const std::optional<v1::ActivitySums> sums = unpack_sums(fields[j + 1].text);
        if (!sums)
          co_return error(Failure::KIND_INTERNAL, fmt::format("Redis has unreadable sums in {}.", buckets[i].name));
        // What a replaced record has left.
        if (sums->requests() == 0)
          continue;
        fold.add(*known->second, buckets[i].at_ms, *sums);
      }
    }
  }
  co_return absl::OkStatus();
}

Awaitable<absl::StatusOr<bool>> RedisActivity::add_records(const v1::ActivityQuery& request,
                                                           std::vector<std::string> workspaces, ActivityFold& fold) {
  const ActivityMatch match(request.filter());
  const auto time = co_await time_of_sessions(request.filter(), workspaces, range_of(request.filter()));
  if (!time.ok())
    co_return time.status();
  const TimeRange range = *time;
  std::vector<std::string> all = workspaces;
  RecordWalk walk(redis_, match, std::move(all), RecordWalk::Order::kNewestFirst, range.first(), range.last(),
                  kMostScanned);
  for (;;) {
    const auto next = co_await walk.next();
    if (!next.ok())
      co_return next.status();
    if (!*next)
      break;
    const v1::ActivityRecord& record = (*next)->record;
    const std::string status = std::to_string(record.status());
    ActivityFold::Series& series = fold.series({.key = record.key_id(),
                                                .workspace = record.workspace(),
                                                .model = record.model(),
                                                .provider = record.provider(),
                                                .session = record.session_id(),
                                                .status = status});
    fold.add(series, interval_of(static_cast<std::int64_t>((*next)->place.id.ms), request.interval()), sums_of(record));
  }
  const auto left = co_await walk.more();
  if (!left.ok() || *left)
    co_return left;
  for (const std::string& workspace : workspaces) {
    std::string name = workspace;
    const auto cut = co_await trimmed(std::move(name), range.since_ms);
    if (!cut.ok() || *cut)
      co_return cut;
  }
  co_return false;
}

Awaitable<absl::StatusOr<bool>> RedisActivity::trimmed(std::string workspace, std::int64_t since_ms) {
  if (since_ms < now_ms() - std::chrono::milliseconds(config_.raw_ttl).count())
    co_return true;
  std::vector<std::string> length = {"XLEN", layout::records(workspace)};
  const auto count = co_await run(redis_, std::move(length));
  if (!count.ok())
    co_return count.status();
  // Some way below the bound, since trimming is approximate.
  if (static_cast<std::uint64_t>(count->integer) < config_.raw_count)
    co_return false;
  std::vector<std::string> oldest = {"XRANGE", layout::records(workspace), "-", "+", "COUNT", "1"};
  const auto entries = co_await run(redis_, std::move(oldest));
  if (!entries.ok())
    co_return entries.status();
  if (entries->elements.empty() || entries->elements[0].elements.empty())
    co_return false;
  const auto first = parse_entry_id(entries->elements[0].elements[0].text);
  co_return first && first->ms > static_cast<std::uint64_t>(since_ms);
}

Awaitable<absl::Status> RedisActivity::name_keys(v1::ActivityReply& reply, const v1::ActivityQuery& request,
                                                 std::vector<std::string> workspaces) {
  const auto place = std::find(request.by().begin(), request.by().end(), v1::DIMENSION_KEY);
  if (place == request.by().end() || reply.groups().empty())
    co_return absl::OkStatus();
  const int index = static_cast<int>(place - request.by().begin());
  for (const std::string& workspace : workspaces) {
    std::string of = workspace;
    const absl::StatusOr<KeyNames> names = co_await key_names(redis_, std::move(of));
    if (!names.ok())
      co_return names.status();
    for (v1::ActivityGroup& group : *reply.mutable_groups()) {
      if (const auto name = names->find(group.values(index)); name != names->end())
        group.set_key_name(name->second);
    }
  }
  co_return absl::OkStatus();
}

Awaitable<absl::StatusOr<v1::RecordsReply>> RedisActivity::records(const v1::RecordsQuery& request) {
  if (absl::Status status = check_filter(request.filter()); !status.ok())
    co_return status;
  std::optional<WalkPlace> place;
  if (!request.cursor().empty()) {
    place = parse_walk_place(request.cursor());
    if (!place)
      co_return error(Failure::KIND_INVALID_REQUEST, "cursor: expected one of an earlier reply, or none");
  }
  auto found = co_await workspaces(request.filter());
  if (!found.ok())
    co_return found.status();
  const auto time = co_await time_of_sessions(request.filter(), *found, range_of(request.filter()));
  if (!time.ok())
    co_return time.status();
  const TimeRange range = *time;
  const ActivityMatch match(request.filter());
  RecordWalk walk(redis_, match, *std::move(found), RecordWalk::Order::kNewestFirst, range.first(), range.last(),
                  kMostScanned);
  if (place)
    walk.continue_at(*place);

  const std::size_t limit = page_of(request.limit());
  v1::RecordsReply out;
  while (static_cast<std::size_t>(out.records_size()) < limit) {
    auto next = co_await walk.next();
    if (!next.ok())
      co_return next.status();
    if (!*next)
      break;
    *out.add_records() = std::move((*next)->record);
  }
  const auto left = co_await walk.more();
  if (!left.ok())
    co_return left.status();
  if (*left)
    out.set_cursor(walk.place()->text());
  co_return out;
}

Awaitable<absl::StatusOr<std::optional<v1::ActivityRecord>>> RedisActivity::find(const std::string& generation_id,
                                                                                 std::vector<std::string> workspaces) {
  v1::ActivityFilter filter;
  filter.set_search(generation_id);
  const ActivityMatch match(filter);
  std::vector<std::vector<std::string>> get;
  for (const std::string& workspace : workspaces)
    get.push_back({"GET", layout::generation(workspace, generation_id)});
  const auto generations = co_await run_all(redis_, std::move(get));
  if (!generations.ok())
    co_return generations.status();
  for (std::size_t i = 0; i < workspaces.size(); ++i) {
    const std::optional<EntryId> entry = entry_of((*generations)[i].text);
    if (!entry)
      continue;
    std::vector<std::string> one = {workspaces[i]};
    RecordWalk walk(redis_, match, std::move(one), RecordWalk::Order::kOldestFirst, *entry, *entry);
    auto next = co_await walk.next();
    if (!next.ok())
      co_return next.status();
    if (*next)
      co_return std::move((*next)->record);
  }
  // Forgotten by the ledger, or refused: its id says from when on to look.
  const std::optional<std::int64_t> begun = begun_ms(generation_id);
  if (!begun)
    co_return std::nullopt;
  RecordWalk walk(redis_, match, std::move(workspaces), RecordWalk::Order::kOldestFirst,
                  {static_cast<std::uint64_t>(*begun), 0}, {static_cast<std::uint64_t>(*begun + kHourMs), 0},
                  kMostScanned);
  for (;;) {
    auto next = co_await walk.next();
    if (!next.ok())
      co_return next.status();
    if (!*next)
      break;
    if ((*next)->record.generation_id() == generation_id)
      co_return std::move((*next)->record);
  }
  co_return std::nullopt;
}

Awaitable<absl::StatusOr<v1::ActivityRecord>> RedisActivity::generation(const v1::GenerationQuery& request) {
  if (!is_generation_id(request.generation_id()))
    co_return no_such_generation(request.generation_id());
  auto ids = co_await workspace_ids(redis_);
  if (!ids.ok())
    co_return ids.status();
  auto found = co_await find(request.generation_id(), *std::move(ids));
  if (!found.ok())
    co_return found.status();
  if (!*found)
    co_return no_such_generation(request.generation_id());
  co_return **std::move(found);
}

Awaitable<absl::Status> RedisActivity::export_records(const v1::ExportQuery& request, RecordSink& sink) {
  if (absl::Status status = check_filter(request.filter()); !status.ok())
    co_return status;
  auto found = co_await workspaces(request.filter());
  if (!found.ok())
    co_return found.status();
  const TimeRange range = range_of(request.filter());
  const ActivityMatch match(request.filter());
  RecordWalk walk(redis_, match, *std::move(found), RecordWalk::Order::kOldestFirst, range.first(), range.last());
  Timer timer(co_await asio::this_coro::executor);
  for (int looks = 0;;) {
    auto next = co_await walk.next();
    if (!next.ok())
      co_return next.status();
    if (*next) {
      const absl::Status taken = co_await sink.write(std::move((*next)->record));
      if (!taken.ok())
        co_return taken;
      continue;
    }
    if (!request.follow())
      co_return absl::OkStatus();
    timer.expires_after(kFollowPause);
    co_await timer.async_wait(use_awaitable);
    std::vector<std::string> seen;
    if (++looks % kLooksBetweenWorkspaces == 0) {
      auto more = co_await workspaces(request.filter());
      if (!more.ok())
        co_return more.status();
      seen = *std::move(more);
    }
    walk.resume(seen);
  }
}

}  // namespace tollgate
