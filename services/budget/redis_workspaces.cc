#include "services/budget/redis_workspaces.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "services/budget/commands.h"
#include "services/budget/key_text.h"
#include "services/budget/layout.h"
#include "services/budget/limits.h"
#include "services/budget/reply_reader.h"
#include "services/budget/scripts.h"
#include "services/common/base/errors.h"

namespace tollgate {
namespace {

// Settled generations forgotten by one script.
constexpr int kBatch = 256;
// Sums of hours and days are looked for so far back; older ones expire by themselves.
constexpr std::int64_t kOldestSumsDays = 1100;

absl::Status no_such_workspace(const std::string& id) {
  return error(v1::Failure::KIND_NOT_FOUND, fmt::format("There is no workspace \"{}\".", id.substr(0, 64)));
}

absl::StatusOr<v1::Workspace> to_workspace(const RedisScript& script, const RedisReply& view, std::string id) {
  v1::Workspace workspace;
  workspace.set_id(std::move(id));
  ReplyReader fields(view);
  workspace.set_name(fields.text());
  workspace.set_created_at_ms(fields.integer());
  workspace.set_updated_at_ms(fields.integer());
  workspace.set_hold_mode(static_cast<v1::HoldMode>(fields.integer()));
  workspace.set_provider_preferences(fields.text());
  workspace.set_keys(fields.integer());
  read_spend(fields, *workspace.mutable_spend(), *workspace.mutable_limits());
  if (fields.failed())
    return unexpected_reply(script);
  return workspace;
}

}  // namespace

Awaitable<absl::StatusOr<v1::Workspace>> RedisWorkspaces::create(const v1::CreateWorkspaceRequest& request) {
  const std::string& id = request.id();
  if (absl::Status status = check_workspace_id(id); !status.ok())
    co_return status;
  const std::string name = request.name().empty() ? id : request.name();
  if (absl::Status status = check_name(name); !status.ok())
    co_return status;
  if (absl::Status status = check_limits(request.limits()); !status.ok())
    co_return status;
  if (absl::Status status = check_hold_mode(request.hold_mode()); !status.ok())
    co_return status;
  if (absl::Status status = check_preferences(request.provider_preferences()); !status.ok())
    co_return status;
  const auto taken =
      error(v1::Failure::KIND_INVALID_REQUEST, fmt::format("id: there is a workspace \"{}\" already", id));
  if (id == kDefaultWorkspace)
    co_return taken;

  // The record comes last: it is what makes the workspace.
  std::vector<std::string> add = {"SADD", std::string(layout::kWorkspaces), id};
  if (const auto reply = co_await run(redis_, std::move(add)); !reply.ok())
    co_return reply.status();
  std::vector<std::string> keys = {layout::workspace_record(id), layout::keys(id)};
  std::vector<std::string> args = {"name", name, "limits", limits_text(request.limits())};
  if (request.hold_mode() != v1::HOLD_MODE_UNSPECIFIED)
    args.insert(args.end(), {"mode", std::to_string(request.hold_mode())});
  if (!request.provider_preferences().empty())
    args.insert(args.end(), {"provider", request.provider_preferences()});
  const auto view = co_await run(redis_, scripts::create_workspace(), std::move(keys), std::move(args));
  if (!view.ok())
    co_return view.status();
  if (view->is_nil())
    co_return taken;
  co_return to_workspace(scripts::create_workspace(), *view, id);
}

Awaitable<absl::StatusOr<v1::ListWorkspacesReply>> RedisWorkspaces::list(const v1::ListWorkspacesRequest&) {
  const auto ids = co_await workspace_ids(redis_);
  if (!ids.ok())
    co_return ids.status();
  v1::ListWorkspacesReply out;
  for (const std::string& id : *ids) {
    std::vector<std::string> nothing;
    auto workspace = co_await update(id, std::move(nothing));
    // Removed in the meantime.
    if (workspace.status().code() == absl::StatusCode::kNotFound)
      continue;
    if (!workspace.ok())
      co_return workspace.status();
    *out.add_workspaces() = *std::move(workspace);
  }
  co_return out;
}

Awaitable<absl::StatusOr<v1::Workspace>> RedisWorkspaces::get(const v1::GetWorkspaceRequest& request) {
  std::vector<std::string> nothing;
  co_return co_await update(request.id(), std::move(nothing));
}

Awaitable<absl::StatusOr<v1::Workspace>> RedisWorkspaces::update(const v1::UpdateWorkspaceRequest& request) {
  std::vector<std::string> fields;
  if (request.has_name()) {
    if (absl::Status status = check_name(request.name()); !status.ok())
      co_return status;
    fields.insert(fields.end(), {"name", request.name()});
  }
  if (request.has_limits()) {
    if (absl::Status status = check_limits(request.limits()); !status.ok())
      co_return status;
    fields.insert(fields.end(), {"limits", limits_text(request.limits())});
  }
  if (request.has_hold_mode()) {
    if (absl::Status status = check_hold_mode(request.hold_mode()); !status.ok())
      co_return status;
    fields.insert(fields.end(), {"mode", std::to_string(request.hold_mode())});
  }
  if (request.has_provider_preferences()) {
    if (absl::Status status = check_preferences(request.provider_preferences()); !status.ok())
      co_return status;
    fields.insert(fields.end(), {"provider", request.provider_preferences()});
  }
  co_return co_await update(request.id(), std::move(fields));
}

Awaitable<absl::StatusOr<v1::Workspace>> RedisWorkspaces::update(std::string id, std::vector<std::string> fields) {
  if (!is_workspace(id))
    co_return no_such_workspace(id);
  std::vector<std::string> keys = {layout::workspace_record(id), layout::keys(id)};
  std::vector<std::string> args = {id == kDefaultWorkspace ? id : ""};
  std::move(fields.begin(), fields.end(), std::back_inserter(args));
  const auto view = co_await run(redis_, scripts::update_workspace(), std::move(keys), std::move(args));
  if (!view.ok())
    co_return view.status();
  if (view->is_nil())
    co_return no_such_workspace(id);
  co_return to_workspace(scripts::update_workspace(), *view, id);
}

Awaitable<absl::StatusOr<v1::DeleteWorkspaceReply>> RedisWorkspaces::remove(const v1::DeleteWorkspaceRequest& request) {
  const std::string& id = request.id();
  if (!is_workspace(id))
    co_return no_such_workspace(id);
  if (id == kDefaultWorkspace)
    co_return error(v1::Failure::KIND_INVALID_REQUEST, "The workspace \"default\" cannot be removed.");
  std::vector<std::string> keys = {layout::workspace_record(id), layout::keys(id), layout::holds(id)};
  std::vector<std::string> no_args;
  const auto removed = co_await run(redis_, scripts::remove_workspace(), std::move(keys), std::move(no_args));
  if (!removed.ok())
    co_return removed.status();
  if (removed->integer < 0) {
    co_return error(v1::Failure::KIND_INVALID_REQUEST,
                    fmt::format("The workspace \"{}\" has keys or requests in flight: delete its keys first.", id));
  }
  // Its settled generations go in pieces; the name last, so that a call that broke off is found by the next one.
  for (std::int64_t forgotten = kBatch; forgotten == kBatch;) {
    std::vector<std::string> names = {layout::workspace_record(id), layout::settled(id), layout::audit(id)};
    std::vector<std::string> args = {layout::in_workspace(id, ""), std::to_string(kBatch), "-60000"};
    const auto reply = co_await run(redis_, scripts::retire(), std::move(names), std::move(args));
    if (!reply.ok())
      co_return reply.status();
    forgotten = reply->integer;
  }
  std::string name = id;
  const absl::Status activity = co_await forget_activity(std::move(name));
  if (!activity.ok())
    co_return activity;
  std::vector<std::string> forget = {"SREM", std::string(layout::kWorkspaces), id};
  const auto known = co_await run(redis_, std::move(forget));
  if (!known.ok())
    co_return known.status();
  if (removed->integer == 0 && known->integer == 0)
    co_return no_such_workspace(id);
  co_return v1::DeleteWorkspaceReply();
}

Awaitable<absl::Status> RedisWorkspaces::forget_activity(std::string id) {
  std::vector<std::string> list = {"ZRANGE", layout::sessions(id), "0", "-1"};
  const auto sessions = co_await run(redis_, std::move(list));
  if (!sessions.ok())
    co_return sessions.status();
  std::vector<std::string> names;
  for (const RedisReply& session : sessions->elements)
    names.push_back(layout::session(id, session.text));
  // Whatever their retention was: sums that stayed would be those of a workspace of the same name.
  const std::int64_t now =
      std::chrono::duration_cast<std::chrono::hours>(std::chrono::system_clock::now().time_since_epoch()).count();
  for (std::int64_t hour = now + 1; hour > now - 24 * kOldestSumsDays; --hour) {
    names.push_back(layout::hour(id, hour));
    if (hour % 24 == 0)
      names.push_back(layout::day(id, hour / 24));
  }
  names.push_back(layout::records(id));
  names.push_back(layout::names(id));
  names.push_back(layout::sessions(id));
  for (std::size_t done = 0; done < names.size(); done += kBatch) {
    std::vector<std::string> argv = {"UNLINK"};
    const std::size_t end = std::min<std::size_t>(done + kBatch, names.size());
    argv.insert(argv.end(), names.begin() + static_cast<std::ptrdiff_t>(done),
                names.begin() + static_cast<std::ptrdiff_t>(end));
    const auto gone = co_await run(redis_, std::move(argv));
    if (!gone.ok())
      co_return gone.status();
  }
  co_return absl::OkStatus();
}

Awaitable<absl::StatusOr<std::vector<std::string>>> workspace_ids(Redis& redis) {
  std::vector<std::string> argv = {"SMEMBERS", std::string(layout::kWorkspaces)};
  auto members = co_await run(redis, std::move(argv));
  if (!members.ok())
    co_return members.status();
  std::vector<std::string> ids = {std::string(kDefaultWorkspace)};
  for (RedisReply& member : members->elements) {
    if (member.text != kDefaultWorkspace)
      ids.push_back(std::move(member.text));
  }
  std::sort(ids.begin(), ids.end());
  co_return ids;
}

}  // namespace tollgate
