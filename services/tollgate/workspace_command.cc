#include "services/tollgate/workspace_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "gateway/keys_json.h"
#include "services/tollgate/limit_options.h"
#include "services/tollgate/management_session.h"
#include "services/tollgate/spend_text.h"

namespace tollgate {
namespace {

struct Options {
  ConfigOptions config;
  bool json = false;
  std::string id;
  std::string name;
  LimitOptions limits;
  std::optional<std::string> provider;
};

void print(const v1::Workspace& workspace, bool json) {
  if (json) {
    std::cout << workspace_object(workspace).dump(2) << "\n";
    return;
  }
  print_row("id", workspace.id());
  print_row("name", workspace.name());
  print_row("keys", std::to_string(workspace.keys()));
  print_limits(workspace.limits());
  print_spend(workspace.spend());
  print_row("hold mode", workspace.hold_mode() == v1::HOLD_MODE_EXPECTED ? "expected" : "strict");
  print_row("provider",
            workspace.provider_preferences().empty() ? "as requests say" : workspace.provider_preferences());
  print_row("created", time_text(workspace.created_at_ms()));
}

template <class Request>
absl::Status set_options(const Options& options, Request& request) {
  absl::StatusOr<std::optional<v1::Limits>> limits = read_limits(options.limits);
  if (!limits.ok())
    return limits.status();
  request.set_id(options.id);
  if (!options.name.empty())
    request.set_name(options.name);
  if (*limits)
    *request.mutable_limits() = **std::move(limits);
  if (const auto mode = read_hold_mode(options.limits))
    request.set_hold_mode(*mode);
  if (options.provider)
    request.set_provider_preferences(*options.provider);
  return absl::OkStatus();
}

// One call, and what it brings.
template <class Reply, class Request>
absl::StatusOr<Reply> call(const Options& options,
                           Awaitable<absl::StatusOr<Reply>> (Workspaces::*method)(const Request&),
                           const Request& request) {
  auto session = ManagementSession::open(options.config);
  if (!session.ok())
    return session.status();
  return (*session)->call(method, request);
}

template <class Request>
int print_reply(const Options& options, Awaitable<absl::StatusOr<v1::Workspace>> (Workspaces::*method)(const Request&),
                const Request& request) {
  const absl::StatusOr<v1::Workspace> workspace = call(options, method, request);
  if (!workspace.ok())
    return complain(workspace.status());
  print(*workspace, options.json);
  return 0;
}

int create(const Options& options) {
  v1::CreateWorkspaceRequest request;
  const absl::Status valid = set_options(options, request);
  return valid.ok() ? print_reply(options, &Workspaces::create, request) : complain(valid);
}

int update(const Options& options) {
  v1::UpdateWorkspaceRequest request;
  const absl::Status valid = set_options(options, request);
  return valid.ok() ? print_reply(options, &Workspaces::update, request) : complain(valid);
}

int show(const Options& options) {
  v1::GetWorkspaceRequest request;
  request.set_id(options.id);
  return print_reply(options, &Workspaces::get, request);
}

int list(const Options& options) {
  const auto reply = call(options, &Workspaces::list, v1::ListWorkspacesRequest());
  if (!reply.ok())
    return complain(reply.status());
  if (options.json) {
    Json json = Json::array();
    for (const v1::Workspace& workspace : reply->workspaces())
      json.push_back(workspace_object(workspace));
    std::cout << json.dump(2) << "\n";
    return 0;
  }
  constexpr const char* row = "{:<24}  {:<24}  {:>6}  {:>14}  {:>14}  {}\n";
  fmt::print(row, "ID", "NAME", "KEYS", "SPENT", "HELD", "LEFT");
  for (const v1::Workspace& workspace : reply->workspaces())
    fmt::print(row, workspace.id(), workspace.name(), workspace.keys(), usd_text(workspace.spend().usage_nano_usd()),
               usd_text(workspace.spend().held_nano_usd()), limits_text(workspace.limits()));
  return 0;
}

int remove(const Options& options) {
  v1::DeleteWorkspaceRequest request;
  request.set_id(options.id);
  const auto reply = call(options, &Workspaces::remove, request);
  if (!reply.ok())
    return complain(reply.status());
  if (options.json)
    std::cout << Json{{"deleted", true}, {"id", options.id}}.dump(2) << "\n";
  else
    fmt::print("deleted {}\n", options.id);
  return 0;
}

}  // namespace

void add_workspace_command(CLI::App& app, std::function<int()>& run) {
  CLI::App& command = *app.add_subcommand("workspace", "Make and manage workspaces: keys that share limits");
  command.require_subcommand(1);
  auto options = std::make_shared<Options>();
  const auto add = [&](const char* name, const char* what, int (*action)(const Options&)) -> CLI::App& {
    CLI::App& sub = *command.add_subcommand(name, what);
    add_config_options(sub, options->config, false);
    sub.add_flag("--json", options->json, "Print JSON");
    sub.callback([&run, options, action] { run = [options, action] { return action(*options); }; });
    return sub;
  };
  const auto names_workspace = [&](CLI::App& sub) -> CLI::App& {
    sub.add_option("id", options->id, "The workspace's id")->required();
    return sub;
  };
  const auto takes_rules = [&](CLI::App& sub) {
    sub.add_option("--name", options->name, "What people call it; default: the id");
    add_limit_options(sub, options->limits, "");
    sub.add_option(
        "--provider", options->provider,
        "Preferences that hold for all of its keys, a JSON object like a request's \"provider\"; empty: none");
  };
  takes_rules(names_workspace(add("create", "Make a workspace", create)));
  add("list", "All workspaces and what they have spent", list);
  names_workspace(add("show", "One workspace", show));
  takes_rules(names_workspace(add("update", "Change what is given, and nothing else", update)));
  names_workspace(add("delete", "Remove a workspace that has no keys; what it has spent is forgotten", remove));
}

}  // namespace tollgate
