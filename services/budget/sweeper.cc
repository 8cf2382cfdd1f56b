#include "services/budget/sweeper.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "services/budget/activity_writes.h"
#include "services/budget/commands.h"
#include "services/budget/layout.h"
#include "services/budget/redis_workspaces.h"
#include "services/budget/reply_reader.h"
#include "services/budget/scripts.h"
#include "tollgate/v1/usage.pb.h"

namespace tollgate {
namespace {

// Generations handled by one script, about a millisecond of Redis' time.
constexpr std::int64_t kBatch = 64;

}  // namespace

Sweeper::Sweeper(asio::io_context& context, Redis& redis, const BudgetConfig& config, ActivityOutlet* outlet)
    : redis_(redis),
      lease_(config.lease),
      settled_ttl_text_(std::to_string(config.settled_ttl.count())),
      activity_(config.activity),
      outlet_(outlet),
      timer_(context.get_executor()),
      random_(std::random_device()()) {}

Awaitable<void> Sweeper::run() {
  std::optional<SteadyClock::time_point> reachable_since;
  for (;;) {
    const auto interval = std::chrono::duration_cast<std::chrono::microseconds>(lease_).count() / 3;
    const auto wait = std::uniform_int_distribution<std::int64_t>(interval * 4 / 5, interval)(random_);
    timer_.expires_after(std::chrono::microseconds(wait));
    co_await timer_.async_wait(use_awaitable);

    absl::Status status;
    if (reachable_since && SteadyClock::now() - *reachable_since >= lease_) {
      status = co_await sweep();
    } else {
      const auto reached = co_await workspace_ids(redis_);
      status = reached.status();
    }
    if (!status.ok())
      reachable_since.reset();
    else if (!reachable_since)
      reachable_since = SteadyClock::now();
  }
}

Awaitable<absl::Status> Sweeper::sweep() {
  const auto workspaces = co_await workspace_ids(redis_);
  if (!workspaces.ok())
    co_return workspaces.status();
  for (const std::string& workspace : *workspaces) {
    absl::Status status = co_await expire(workspace);
    if (status.ok())
      status = co_await retire(workspace);
    if (status.ok())
      status = co_await trim(workspace);
    if (!status.ok())
      co_return status;
  }
  co_return absl::OkStatus();
}

Awaitable<absl::Status> Sweeper::expire(std::string workspace) {
  for (;;) {
    std::vector<std::string> keys = {layout::workspace_record(workspace), layout::holds(workspace),
                                     layout::settled(workspace)};
    std::vector<std::string> args = {layout::in_workspace(workspace, ""), std::to_string(kBatch),
                                     std::to_string(v1::USAGE_SOURCE_LEASE_EXPIRED)};
    append_keep(activity_, args);
    const auto reply = co_await tollgate::run(redis_, scripts::expire(), std::move(keys), std::move(args));
    if (!reply.ok())
      co_return reply.status();
    ReplyReader found(*reply);
    const std::int64_t settled = found.integer();
    if (found.failed())
      co_return unexpected_reply(scripts::expire());
    settled_ += settled;
    for (std::size_t i = 1; outlet_ != nullptr && i < reply->elements.size(); ++i) {
      v1::ActivityRecord record;
      if (!record.ParseFromString(reply->elements[i].text))
        continue;
      record.set_workspace(workspace);
      outlet_->put(record);
    }
    if (settled < kBatch)
      co_return absl::OkStatus();
  }
}

Awaitable<absl::Status> Sweeper::retire(std::string workspace) {
  for (;;) {
    std::vector<std::string> keys = {layout::workspace_record(workspace), layout::settled(workspace),
                                     layout::audit(workspace)};
    std::vector<std::string> args = {layout::in_workspace(workspace, ""), std::to_string(kBatch), settled_ttl_text_};
    const auto reply = co_await tollgate::run(redis_, scripts::retire(), std::move(keys), std::move(args));
    if (!reply.ok())
      co_return reply.status();
    if (reply->integer < kBatch)
      co_return absl::OkStatus();
  }
}

Awaitable<absl::Status> Sweeper::trim(std::string workspace) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto oldest = std::chrono::duration_cast<milliseconds>(now - activity_.raw_ttl).count();
  std::vector<std::string> records = {"XTRIM", layout::records(workspace), "MINID", "~", std::to_string(oldest)};
  const auto trimmed = co_await tollgate::run(redis_, std::move(records));
  if (!trimmed.ok())
    co_return trimmed.status();
  std::vector<std::string> count = {"ZCARD", layout::sessions(workspace)};
  const auto sessions = co_await tollgate::run(redis_, std::move(count));
  if (!sessions.ok())
    co_return sessions.status();
  std::int64_t beyond = sessions->integer - static_cast<std::int64_t>(activity_.sessions);
  while (beyond > 0) {
    std::vector<std::string> first = {"ZRANGE", layout::sessions(workspace), "0",
                                      std::to_string(std::min(beyond, kBatch) - 1)};
    const auto due = co_await tollgate::run(redis_, std::move(first));
    if (!due.ok())
      co_return due.status();
    if (due->elements.empty())
      break;
    // Their sums go first: what breaks off between the two is found again.
    std::vector<std::string> sums = {"UNLINK"};
    std::vector<std::string> places = {"ZREM", layout::sessions(workspace)};
    for (const RedisReply& session : due->elements) {
      sums.push_back(layout::session(workspace, session.text));
      places.push_back(session.text);
    }
    const auto unlinked = co_await tollgate::run(redis_, std::move(sums));
    if (!unlinked.ok())
      co_return unlinked.status();
    const auto removed = co_await tollgate::run(redis_, std::move(places));
    if (!removed.ok())
      co_return removed.status();
    beyond -= static_cast<std::int64_t>(due->elements.size());
  }
  co_return absl::OkStatus();
}

}  // namespace tollgate
