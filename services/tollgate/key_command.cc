#include "services/tollgate/key_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "gateway/keys_json.h"
#include "services/tollgate/limit_options.h"
#include "services/tollgate/management_session.h"
#include "services/tollgate/spend_text.h"

namespace tollgate {
namespace {

// Takes a list of models or providers away again.
const std::string kAll = "all";

struct Options {
  ConfigOptions config;
  bool json = false;
  std::string key;
  std::string name;
  std::string workspace;
  LimitOptions limits;
  std::vector<std::string> models;
  std::vector<std::string> providers;
  std::optional<std::int64_t> requests_per_minute;
  std::optional<std::int64_t> tokens_per_minute;
  std::optional<std::string> provider;
  std::optional<int> expires_days;
  bool management = false;
};

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string state_text(const v1::Key& key) {
  if (key.disabled())
    return "disabled";
  return key.has_expires_at_ms() && key.expires_at_ms() <= now_ms() ? "expired" : "enabled";
}

template <class Texts>
std::string allowed_text(const Texts& texts) {
  return texts.empty() ? kAll : fmt::format("{}", fmt::join(texts, ", "));
}

std::string rate_text(std::int64_t rate) {
  return rate == 0 ? "no limit" : std::to_string(rate);
}

std::string mode_text(v1::HoldMode mode) {
  if (mode == v1::HOLD_MODE_UNSPECIFIED)
    return "as its workspace";
  return mode == v1::HOLD_MODE_STRICT ? "strict" : "expected";
}

void print(const v1::Key& key, bool json) {
  if (json) {
    std::cout << key_object(key).dump(2) << "\n";
    return;
  }
  print_row("name", key.name());
  print_row("key", key.label());
  print_row("hash", key.hash());
  print_row("workspace", key.workspace());
  print_row("state", state_text(key));
  print_row("for", key.management() ? "managing keys and workspaces" : "models");
  print_limits(key.limits());
  print_spend(key.spend());
  print_row("hold mode", mode_text(key.hold_mode()));
  print_row("models", allowed_text(key.permissions().models()));
  print_row("providers", allowed_text(key.permissions().providers()));
  print_row("a minute", fmt::format("requests: {}, tokens: {}", rate_text(key.rate_limits().requests_per_minute()),
                                    rate_text(key.rate_limits().tokens_per_minute())));
  print_row("provider", key.provider_preferences().empty() ? "as requests say" : key.provider_preferences());
  print_row("created", time_text(key.created_at_ms()));
  print_row("expires", key.has_expires_at_ms() ? time_text(key.expires_at_ms()) : "never");
}

// A key is named by its hash, its beginning, its name or its label, in whatever workspace it is.
absl::StatusOr<v1::Key> find(ManagementSession& session, const std::string& named) {
  const absl::StatusOr<v1::ListKeysReply> all = session.call(&Keys::list, v1::ListKeysRequest());
  if (!all.ok())
    return all.status();
  std::vector<v1::Key> found;
  for (const v1::Key& key : all->keys()) {
    const bool by_hash = named.size() >= 6 && key.hash().compare(0, named.size(), named) == 0;
    if (by_hash || key.name() == named || key.label() == named)
      found.push_back(key);
  }
  if (found.size() == 1)
    return found[0];
  return absl::NotFoundError(
      found.empty() ? fmt::format("no key has the name, label or hash \"{}\"; `tollgate key list` shows them", named)
                    : fmt::format("{} keys are named \"{}\": give the hash", found.size(), named));
}

// What create and update set alike. `permissions` and `rates` are those that the key has.
template <class Request>
absl::Status set_options(const Options& options, v1::Permissions permissions, v1::RateLimits rates, Request& request) {
  absl::StatusOr<std::optional<v1::Limits>> limits = read_limits(options.limits);
  if (!limits.ok())
    return limits.status();
  if (*limits)
    *request.mutable_limits() = **std::move(limits);
  if (const auto mode = read_hold_mode(options.limits))
    request.set_hold_mode(*mode);
  const auto assign = [](const std::vector<std::string>& given, auto& list) {
    list.Assign(given.begin(), given.end());
    if (given == std::vector{kAll})
      list.Clear();
  };
  if (!options.models.empty())
    assign(options.models, *permissions.mutable_models());
  if (!options.providers.empty())
    assign(options.providers, *permissions.mutable_providers());
  if (!options.models.empty() || !options.providers.empty())
    *request.mutable_permissions() = std::move(permissions);
  if (options.provider)
    request.set_provider_preferences(*options.provider);
  if (options.requests_per_minute)
    rates.set_requests_per_minute(*options.requests_per_minute);
  if (options.tokens_per_minute)
    rates.set_tokens_per_minute(*options.tokens_per_minute);
  if (options.requests_per_minute || options.tokens_per_minute)
    *request.mutable_rate_limits() = rates;
  return absl::OkStatus();
}

std::int64_t days_from_now(int days) {
  return now_ms() + std::chrono::milliseconds(std::chrono::hours(24) * days).count();
}

int create(const Options& options) {
  v1::CreateKeyRequest request;
  request.set_name(options.name);
  request.set_workspace(options.workspace);
  request.set_management(options.management);
  if (options.expires_days.value_or(0) > 0)
    request.set_expires_at_ms(days_from_now(*options.expires_days));
  const absl::Status valid = set_options(options, {}, {}, request);
  if (!valid.ok())
    return complain(valid);
  auto session = ManagementSession::open(options.config);
  if (!session.ok())
    return complain(session.status());
  const absl::StatusOr<v1::CreateKeyReply> reply = (*session)->call(&Keys::create, request);
  if (!reply.ok())
    return complain(reply.status());
  if (options.json) {
    Json json = key_object(reply->key());
    json["secret"] = reply->secret();
    std::cout << json.dump(2) << "\n";
    return 0;
  }
  print(reply->key(), false);
  fmt::print("\n{}\n\nThis is the only time that the key is shown. Keep it in a secret store.\n", reply->secret());
  return 0;
}

int list(const Options& options) {
  auto session = ManagementSession::open(options.config);
  if (!session.ok())
    return complain(session.status());
  v1::ListKeysRequest request;
  request.set_workspace(options.workspace);
  const absl::StatusOr<v1::ListKeysReply> reply = (*session)->call(&Keys::list, request);
  if (!reply.ok())
    return complain(reply.status());
  if (options.json) {
    Json json = Json::array();
    for (const v1::Key& key : reply->keys())
      json.push_back(key_object(key));
    std::cout << json.dump(2) << "\n";
    return 0;
  }
  constexpr const char* row = "{:<12}  {:<24}  {:<12}  {:<8}  {:>14}  {:>14}  {}\n";
  fmt::print(row, "HASH", "NAME", "WORKSPACE", "STATE", "SPENT", "HELD", "LEFT");
  for (const v1::Key& key : reply->keys())
    fmt::print(row, key.hash().substr(0, 12), key.name(), key.workspace(), state_text(key),
               usd_text(key.spend().usage_nano_usd()), usd_text(key.spend().held_nano_usd()),
               key.management() ? "manages" : limits_text(key.limits()));
  return 0;
}

// Opens the session, finds the named key and goes on with it.
int with_key(const Options& options, const std::function<int(ManagementSession&, const v1::Key&)>& work) {
  auto session = ManagementSession::open(options.config);
  if (!session.ok())
    return complain(session.status());
  const absl::StatusOr<v1::Key> key = find(**session, options.key);
  return key.ok() ? work(**session, *key) : complain(key.status());
}

int show(const Options& options) {
  return with_key(options, [&](ManagementSession&, const v1::Key& key) {
    print(key, options.json);
    return 0;
  });
}

int finish_update(ManagementSession& session, const v1::UpdateKeyRequest& request, bool json) {
  const absl::StatusOr<v1::Key> updated = session.call(&Keys::update, request);
  if (!updated.ok())
    return complain(updated.status());
  print(*updated, json);
  return 0;
}

int update(const Options& options) {
  return with_key(options, [&](ManagementSession& session, const v1::Key& key) {
    v1::UpdateKeyRequest request;
    request.set_hash(key.hash());
    if (!options.name.empty())
      request.set_name(options.name);
    if (options.expires_days)
      request.set_expires_at_ms(*options.expires_days == 0 ? 0 : days_from_now(*options.expires_days));
    const absl::Status valid = set_options(options, key.permissions(), key.rate_limits(), request);
    return valid.ok() ? finish_update(session, request, options.json) : complain(valid);
  });
}

int set_disabled(const Options& options, bool disabled) {
  return with_key(options, [&](ManagementSession& session, const v1::Key& key) {
    v1::UpdateKeyRequest request;
    request.set_hash(key.hash());
    request.set_disabled(disabled);
    return finish_update(session, request, options.json);
  });
}

int remove(const Options& options) {
  return with_key(options, [&](ManagementSession& session, const v1::Key& key) {
    v1::DeleteKeyRequest request;
    request.set_hash(key.hash());
    const absl::StatusOr<v1::DeleteKeyReply> reply = session.call(&Keys::remove, request);
    if (!reply.ok())
      return complain(reply.status());
    if (options.json)
      std::cout << Json{{"deleted", true}, {"hash", key.hash()}}.dump(2) << "\n";
    else
      fmt::print("deleted {} ({})\n", key.name(), key.label());
    return 0;
  });
}

void add_key_options(CLI::App& sub, Options& options) {
  add_limit_options(sub, options.limits, "workspace");
  sub.add_option("--allow-model", options.models,
                 "A model that it may ask for, or all that begin so: \"anthropic/*\"; several times; \"all\"")
      ->allow_extra_args(false);
  sub.add_option("--allow-provider", options.providers, "A provider that may serve it; several times; \"all\"")
      ->allow_extra_args(false);
  sub.add_option("--rpm", options.requests_per_minute, "Requests a minute; 0: no limit")->check(CLI::NonNegativeNumber);
  sub.add_option("--tpm", options.tokens_per_minute, "Tokens a minute; 0: no limit")->check(CLI::NonNegativeNumber);
  sub.add_option("--provider", options.provider,
                 "Preferences that hold beside each request's own, a JSON object like its \"provider\"; empty: none");
  sub.add_option("--expires-days", options.expires_days, "Days until it stops working; 0: never")
      ->check(CLI::Range(0, 36500));
}

}  // namespace

void add_key_command(CLI::App& app, std::function<int()>& run) {
  CLI::App& command = *app.add_subcommand("key", "Make and manage API keys");
  command.require_subcommand(1);
  auto options = std::make_shared<Options>();
  const auto add = [&](const char* name, const char* what, int (*action)(const Options&)) -> CLI::App& {
    CLI::App& sub = *command.add_subcommand(name, what);
    add_config_options(sub, options->config, false);
    sub.add_flag("--json", options->json, "Print JSON");
    sub.callback([&run, options, action] { run = [options, action] { return action(*options); }; });
    return sub;
  };
  const auto names_key = [&](CLI::App& sub) {
    sub.add_option("key", options->key, "Name, label or hash of the key (six digits or more)")->required();
  };

  CLI::App& make = add("create", "Make a key; its secret is shown once", create);
  make.add_option("--name", options->name, "What or whom it is for")->required();
  make.add_option("--workspace", options->workspace, "Default: default");
  make.add_flag("--management", options->management, "It manages keys and workspaces, and no model answers it");
  add_key_options(make, *options);
  CLI::App& all = add("list", "All keys and what they have spent", list);
  all.add_option("--workspace", options->workspace, "Default: all of them");
  names_key(add("show", "One key", show));
  CLI::App& change = add("update", "Change what is given, and nothing else", update);
  names_key(change);
  change.add_option("--name", options->name, "A new name");
  add_key_options(change, *options);
  names_key(add("disable", "Stop a key from working, at once",
                [](const Options& given) { return set_disabled(given, true); }));
  names_key(
      add("enable", "Let a disabled key work again", [](const Options& given) { return set_disabled(given, false); }));
  names_key(add("delete", "Remove a key for good; what it has spent stays in the ledger", remove));
}

}  // namespace tollgate
