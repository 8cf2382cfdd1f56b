// RedisActivity::sessions().
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <map>

#include "services/budget/commands.h"
#include "services/budget/key_names.h"
#include "services/budget/key_text.h"
#include "services/budget/layout.h"
#include "services/budget/packed_sums.h"
#include "services/budget/pipeline.h"
#include "services/budget/redis_activity.h"
#include "services/common/base/errors.h"

namespace tollgate {
namespace {

constexpr std::size_t kDefaultPage = 50;
constexpr std::size_t kMostPage = 1000;
// Sessions of a workspace that one page may read.
constexpr std::size_t kMostRead = 5000;
constexpr std::size_t kBatch = 200;

// A session's place in the order of all: the one active last first.
struct Place {
  std::int64_t last_ms = 0;
  std::string digest;
  std::string workspace;

  bool comes_before(const Place& other) const {
    return std::tie(other.last_ms, digest, workspace) < std::tie(last_ms, other.digest, other.workspace);
  }
  std::string text() const { return fmt::format("{}.{}.{}", last_ms, digest, workspace); }
};

std::optional<Place> parse_place(const std::string& text) {
  Place place;
  const auto [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), place.last_ms);
  const auto at = static_cast<std::size_t>(stop - text.data());
  const std::size_t dot = text.find('.', at + 1);
  if (problem != std::errc() || at >= text.size() || text[at] != '.' || dot == std::string::npos)
    return std::nullopt;
  place.digest = text.substr(at + 1, dot - at - 1);
  place.workspace = text.substr(dot + 1);
  if (!is_generation_id(place.digest) || !is_workspace(place.workspace))
    return std::nullopt;
  return place;
}

struct Found {
  Place place;
  v1::Session session;
};

// A session's hash, as HGETALL gives it.
v1::Session to_session(const RedisReply& reply) {
  v1::Session session;
  std::map<std::string, v1::SessionAgent, std::less<>> agents;
  for (std::size_t i = 0; i + 1 < reply.elements.size(); i += 2) {
    const std::string& field = reply.elements[i].text;
    const std::string& value = reply.elements[i + 1].text;
    if (field == "i") {
      session.set_id(value);
    } else if (field == "k") {
      session.set_key_id(value);
    } else if (field == "f") {
      std::int64_t first = 0;
      std::from_chars(value.data(), value.data() + value.size(), first);
      session.set_first_ms(first);
    } else if (field.starts_with('s')) {
      if (const std::optional<v1::ActivitySums> sums = unpack_sums(value); sums && sums->requests() > 0)
        *agents[field.substr(1)].mutable_sums() = *sums;
    } else if (field.starts_with('p')) {
      agents[field.substr(1)].set_parent_id(value);
    }
  }
  for (auto& [id, agent] : agents) {
    if (!agent.has_sums())
      continue;
    agent.set_id(id);
    add_sums(*session.mutable_sums(), agent.sums());
    *session.add_agents() = std::move(agent);
  }
  return session;
}

std::int64_t now_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<milliseconds>(now).count();
}

std::int64_t since_of(const v1::ActivityFilter& filter) {
  constexpr std::int64_t kWeekMs = 7 * 86'400'000;
  return filter.since_ms() == 0 ? now_ms() - kWeekMs : filter.since_ms();
}

// The places of a workspace's sessions, the one active last first.
std::vector<Place> to_places(const RedisReply& reply, const std::string& workspace) {
  std::vector<Place> places;
  for (std::size_t i = 0; i + 1 < reply.elements.size(); i += 2) {
    Place place;
    const std::string& score = reply.elements[i + 1].text;
    std::from_chars(score.data(), score.data() + score.size(), place.last_ms);
    place.digest = reply.elements[i].text;
    place.workspace = workspace;
    places.push_back(std::move(place));
  }
  return places;
}

}  // namespace

Awaitable<absl::StatusOr<v1::SessionsReply>> RedisActivity::sessions(const v1::SessionsQuery& request) {
  const v1::ActivityFilter& filter = request.filter();
  if (absl::Status status = check_filter(filter); !status.ok())
    co_return status;
  std::optional<Place> after;
  if (!request.cursor().empty()) {
    after = parse_place(request.cursor());
    if (!after)
      co_return error(v1::Failure::KIND_INVALID_REQUEST, "cursor: expected one of an earlier reply, or none");
  }
  auto found = co_await workspaces(filter);
  if (!found.ok())
    co_return found.status();
  if (!filter.models().empty() || !filter.providers().empty() || !filter.statuses().empty())
    co_return co_await sessions_of_records(request, *std::move(found));

  // Those that had a request since then: scores are the last ones.
  std::vector<Place> places;
  std::map<std::string, KeyNames> names;
  for (const std::string& workspace : *found) {
    const std::string newest = after ? std::to_string(after->last_ms) : "+inf";
    std::vector<std::string> argv = {"ZREVRANGEBYSCORE",
                                     layout::sessions(workspace),
                                     newest,
                                     std::to_string(since_of(filter)),
                                     "WITHSCORES",
                                     "LIMIT",
                                     "0",
                                     std::to_string(kMostRead)};
    const auto scores = co_await run(redis_, std::move(argv));
    if (!scores.ok())
      co_return scores.status();
    for (Place& place : to_places(*scores, workspace)) {
      if (!after || after->comes_before(place))
        places.push_back(std::move(place));
    }
    std::string name = workspace;
    absl::StatusOr<KeyNames> of = co_await key_names(redis_, std::move(name));
    if (!of.ok())
      co_return of.status();
    names[workspace] = *std::move(of);
  }
  std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) { return a.comes_before(b); });

  const ActivityMatch match(filter);
  const std::size_t limit = request.limit() == 0 ? kDefaultPage : std::min<std::size_t>(request.limit(), kMostPage);
  v1::SessionsReply out;
  for (std::size_t done = 0; done < std::min(places.size(), kMostRead); done += kBatch) {
    const std::size_t end = std::min({done + kBatch, places.size(), kMostRead});
    std::vector<std::vector<std::string>> get;
    for (std::size_t i = done; i < end; ++i)
      get.push_back({"HGETALL", layout::session(places[i].workspace, places[i].digest)});
    const auto read = co_await run_all(redis_, std::move(get));
    if (!read.ok())
      co_return read.status();
    for (std::size_t i = done; i < end; ++i) {
      if (static_cast<std::size_t>(out.sessions_size()) == limit)
        co_return out;
      out.set_cursor(places[i].text());
      v1::Session session = to_session((*read)[i - done]);
      session.set_workspace(places[i].workspace);
      session.set_last_ms(places[i].last_ms);
      const KeyNames& known = names[places[i].workspace];
      if (const auto name = known.find(session.key_id()); name != known.end())
        session.set_key_name(name->second);
      const bool begun = filter.until_ms() == 0 || session.first_ms() < filter.until_ms();
      if (session.agents_size() > 0 && begun && match.fits(session))
        *out.add_sessions() = std::move(session);
    }
  }
  if (places.size() <= kMostRead && places.size() < kMostRead * found->size())
    out.clear_cursor();
  co_return out;
}

Awaitable<absl::StatusOr<v1::SessionsReply>> RedisActivity::sessions_of_records(const v1::SessionsQuery& request,
                                                                                std::vector<std::string> workspaces) {
  const v1::ActivityFilter& filter = request.filter();
  const ActivityMatch match(filter);
  const auto time = co_await time_of_sessions(filter, workspaces, {since_of(filter), filter.until_ms()});
  if (!time.ok())
    co_return time.status();
  RecordWalk walk(redis_, match, std::move(workspaces), RecordWalk::Order::kNewestFirst, time->first(), time->last(),
                  kMostScanned);
  std::map<std::pair<std::string, std::string>, Found> sessions;
  for (;;) {
    const auto next = co_await walk.next();
    if (!next.ok())
      co_return next.status();
    if (!*next)
      break;
    const v1::ActivityRecord& record = (*next)->record;
    if (record.session_id().empty())
      continue;
    Found& found = sessions[{record.key_id(), record.session_id()}];
    v1::Session& session = found.session;
    const auto at = static_cast<std::int64_t>((*next)->place.id.ms);
    if (session.id().empty()) {
      session.set_id(record.session_id());
      session.set_key_id(record.key_id());
      session.set_key_name(record.key_name());
      session.set_workspace(record.workspace());
      session.set_last_ms(at);
      found.place = {at, record.session_id(), record.workspace()};
    }
    session.set_first_ms(at);
    const v1::ActivitySums sums = sums_of(record);
    tollgate::add_sums(*session.mutable_sums(), sums);
    auto agent = std::find_if(session.mutable_agents()->begin(), session.mutable_agents()->end(),
                              [&](const v1::SessionAgent& each) { return each.id() == record.agent_id(); });
    if (agent == session.mutable_agents()->end()) {
      v1::SessionAgent& made = *session.add_agents();
      made.set_id(record.agent_id());
      made.set_parent_id(record.parent_agent_id());
      *made.mutable_sums() = sums;
    } else {
      tollgate::add_sums(*agent->mutable_sums(), sums);
    }
  }
  std::vector<Found> ordered;
  for (auto& [id, found] : sessions)
    ordered.push_back(std::move(found));
  std::sort(ordered.begin(), ordered.end(),
            [](const Found& a, const Found& b) { return a.place.comes_before(b.place); });
  const std::size_t limit = request.limit() == 0 ? kDefaultPage : std::min<std::size_t>(request.limit(), kMostPage);
  v1::SessionsReply out;
  for (std::size_t i = 0; i < std::min(limit, ordered.size()); ++i)
    *out.add_sessions() = std::move(ordered[i].session);
  co_return out;
}

}  // namespace tollgate
