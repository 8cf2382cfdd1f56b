#include "services/budget/lease_reaper.h"

#include <optional>

#include "services/budget/layout.h"
#include "services/budget/scripts.h"
#include "tollgate/v1/usage.pb.h"

namespace tollgate {
namespace {

// Holds settled by one script, about a millisecond of Redis' time.
constexpr std::int64_t kBatch = 64;

absl::Status outcome(const absl::StatusOr<RedisReply>& reply) {
  return reply.ok() ? status_of(*reply) : reply.status();
}

}  // namespace

LeaseReaper::LeaseReaper(asio::io_context& context, Redis& redis, const BudgetConfig& config)
    : redis_(redis),
      lease_(config.lease),
      settled_ttl_text_(std::to_string(config.settled_ttl.count())),
      timer_(context.get_executor()),
      random_(std::random_device()()) {}

Awaitable<void> LeaseReaper::run() {
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
      std::vector<std::string> ping = {"PING"};
      const absl::StatusOr<RedisReply> reply = co_await redis_.command(std::move(ping));
      status = outcome(reply);
    }
    if (!status.ok())
      reachable_since.reset();
    else if (!reachable_since)
      reachable_since = SteadyClock::now();
  }
}

Awaitable<absl::Status> LeaseReaper::sweep() {
  std::vector<std::string> argv = {"SMEMBERS", std::string(layout::kWorkspaces)};
  const absl::StatusOr<RedisReply> workspaces = co_await redis_.command(std::move(argv));
  if (absl::Status status = outcome(workspaces); !status.ok())
    co_return status;
  for (const RedisReply& workspace : workspaces->elements) {
    if (absl::Status status = co_await sweep_workspace(workspace.text); !status.ok())
      co_return status;
  }
  co_return absl::OkStatus();
}

Awaitable<absl::Status> LeaseReaper::sweep_workspace(std::string workspace) {
  for (;;) {
    std::vector<std::string> keys = {layout::holds(workspace), layout::totals(workspace)};
    std::vector<std::string> args = {layout::in_workspace(workspace, ""), std::to_string(kBatch),
                                     std::to_string(v1::USAGE_SOURCE_LEASE_EXPIRED), settled_ttl_text_};
    const absl::StatusOr<RedisReply> reply = co_await redis_.eval(scripts::expire(), std::move(keys), std::move(args));
    if (absl::Status status = outcome(reply); !status.ok())
      co_return status;
    settled_ += reply->integer;
    if (reply->integer < kBatch)
      co_return absl::OkStatus();
  }
}

}  // namespace tollgate
