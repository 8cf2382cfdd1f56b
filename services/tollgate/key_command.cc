#include "services/tollgate/key_command.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "gateway/keys_json.h"
#include "services/budget/redis_keys.h"
#include "services/common/base/money.h"
#include "services/common/process/process.h"
#include "services/common/redis/make_redis.h"
#include "services/common/rpc/channel.h"
#include "services/common/rpc/keys_rpc.h"
#include "services/tollgate/run_to_end.h"

namespace tollgate {
namespace {

using nlohmann::ordered_json;

constexpr std::chrono::milliseconds kDeadline{5000};
constexpr const char* kResets[] = {"none", "daily", "weekly", "monthly"};

struct Options {
  ConfigOptions config;
  bool json = false;
  std::string name;
  std::string workspace;
  std::string limit;
  std::string reset = "none";
  int expires_days = 0;
  std::string key;
};

std::string iso(std::int64_t ms) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(ms / 1000)));
}

std::string limit_text(const v1::LimitState& state) {
  return fmt::format("${} {}", format_usd(state.limit().amount_nano_usd()), kResets[state.limit().reset()]);
}

std::string limits_text(const v1::Key& key) {
  std::vector<std::string> texts;
  for (const v1::LimitState& state : key.limits())
    texts.push_back(limit_text(state));
  return texts.empty() ? "unlimited" : fmt::format("{}", fmt::join(texts, ", "));
}

void print(const v1::Key& key, bool json) {
  if (json) {
    std::cout << key_object(key).dump(2) << "\n";
    return;
  }
  fmt::print("name       {}\nkey        {}\nhash       {}\nworkspace  {}\nstate      {}\n", key.name(), key.label(),
             key.hash(), key.workspace(), key.disabled() ? "disabled" : "enabled");
  if (key.limits().empty())
    fmt::print("limit      unlimited\n");
  for (const v1::LimitState& state : key.limits()) {
    fmt::print("limit      {}: ${} spent, ${} left\n", limit_text(state), format_usd(state.spent_nano_usd()),
               format_usd(state.remaining_nano_usd()));
    if (state.has_resets_at_ms())
      fmt::print("resets     {}\n", iso(state.resets_at_ms()));
  }
  const v1::Spend& spend = key.spend();
  fmt::print(
      "spent      ${} ever, ${} today, ${} this week, ${} this month\nheld       ${}\ncreated    {}\nexpires    {}\n",
      format_usd(spend.usage_nano_usd()), format_usd(spend.usage_daily_nano_usd()),
      format_usd(spend.usage_weekly_nano_usd()), format_usd(spend.usage_monthly_nano_usd()),
      format_usd(spend.held_nano_usd()), iso(key.created_at_ms()),
      key.has_expires_at_ms() ? iso(key.expires_at_ms()) : "never");
}

// The keys, in Redis or behind a budget service, for one command.
class KeysSession {
 public:
  static absl::StatusOr<std::unique_ptr<KeysSession>> open(const ConfigOptions& options) {
    const absl::StatusOr<Config> config = load_config(options, Secrets::kWithoutUpstreams);
    if (!config.ok())
      return config.status();
    return std::unique_ptr<KeysSession>(new KeysSession(*config));
  }

  template <class Reply, class Request>
  absl::StatusOr<Reply> call(Awaitable<absl::StatusOr<Reply>> (Keys::*method)(const Request&), const Request& request) {
    return run_to_end(context_, ((*keys_).*method)(request));
  }

 private:
  explicit KeysSession(const Config& config) {
    if (!config.services.budget.empty()) {
      keys_ = std::make_unique<KeysClient>(make_channel(config.services.budget), kDeadline);
      return;
    }
    redis_ = make_redis(context_, config.redis);
    keys_ = std::make_unique<RedisKeys>(*redis_);
  }

  asio::io_context context_;
  std::unique_ptr<Redis> redis_;
  std::unique_ptr<Keys> keys_;
};

int complain(const absl::Status& status) {
  std::cerr << status.message() << "\n";
  return 1;
}

// A key is named by its hash, its beginning, its name or its secret.
absl::StatusOr<v1::Key> find(KeysSession& session, const std::string& named) {
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

int create(const Options& options) {
  v1::CreateKeyRequest request;
  request.set_name(options.name);
  request.set_workspace(options.workspace);
  if (!options.limit.empty()) {
    const absl::StatusOr<std::int64_t> limit = parse_usd(options.limit);
    if (!limit.ok())
      return complain(limit.status());
    v1::Limit* added = request.mutable_limits()->add_limits();
    added->set_amount_nano_usd(*limit);
    for (int reset = 0; reset < 4; ++reset) {
      if (options.reset == kResets[reset])
        added->set_reset(static_cast<v1::Reset>(reset));
    }
  }
  if (options.expires_days > 0) {
    const auto expiry = std::chrono::system_clock::now() + std::chrono::hours(24) * options.expires_days;
    request.set_expires_at_ms(std::chrono::duration_cast<std::chrono::milliseconds>(expiry.time_since_epoch()).count());
  }
  auto session = KeysSession::open(options.config);
  if (!session.ok())
    return complain(session.status());
  const absl::StatusOr<v1::CreateKeyReply> reply = (*session)->call(&Keys::create, request);
  if (!reply.ok())
    return complain(reply.status());
  if (options.json) {
    ordered_json json = key_object(reply->key());
    json["secret"] = reply->secret();
    std::cout << json.dump(2) << "\n";
    return 0;
  }
  print(reply->key(), false);
  fmt::print("\n{}\n\nThis is the only time that the key is shown. Keep it in a secret store.\n", reply->secret());
  return 0;
}

int list(const Options& options) {
  auto session = KeysSession::open(options.config);
  if (!session.ok())
    return complain(session.status());
  v1::ListKeysRequest request;
  request.set_workspace(options.workspace);
  const absl::StatusOr<v1::ListKeysReply> reply = (*session)->call(&Keys::list, request);
  if (!reply.ok())
    return complain(reply.status());
  if (options.json) {
    ordered_json json = ordered_json::array();
    for (const v1::Key& key : reply->keys())
      json.push_back(key_object(key));
    std::cout << json.dump(2) << "\n";
    return 0;
  }
  constexpr const char* row = "{:<12}  {:<24}  {:<8}  {:<18}  {:>14}  {:>14}  {}\n";
  fmt::print(row, "HASH", "NAME", "STATE", "LIMIT", "SPENT", "HELD", "KEY");
  for (const v1::Key& key : reply->keys())
    fmt::print(row, key.hash().substr(0, 12), key.name(), key.disabled() ? "disabled" : "enabled", limits_text(key),
               "$" + format_usd(key.spend().usage_nano_usd()), "$" + format_usd(key.spend().held_nano_usd()),
               key.label());
  return 0;
}

// Opens the keys, finds the named one and goes on with it.
int with_key(const Options& options, const std::function<int(KeysSession&, const v1::Key&)>& work) {
  auto session = KeysSession::open(options.config);
  if (!session.ok())
    return complain(session.status());
  const absl::StatusOr<v1::Key> key = find(**session, options.key);
  return key.ok() ? work(**session, *key) : complain(key.status());
}

int show(const Options& options) {
  return with_key(options, [&](KeysSession&, const v1::Key& key) {
    print(key, options.json);
    return 0;
  });
}

int set_disabled(const Options& options, bool disabled) {
  return with_key(options, [&](KeysSession& session, const v1::Key& key) {
    v1::UpdateKeyRequest request;
    request.set_hash(key.hash());
    request.set_disabled(disabled);
    const absl::StatusOr<v1::Key> updated = session.call(&Keys::update, request);
    if (!updated.ok())
      return complain(updated.status());
    print(*updated, options.json);
    return 0;
  });
}

int remove(const Options& options) {
  return with_key(options, [&](KeysSession& session, const v1::Key& key) {
    v1::DeleteKeyRequest request;
    request.set_hash(key.hash());
    const absl::StatusOr<v1::DeleteKeyReply> reply = session.call(&Keys::remove, request);
    if (!reply.ok())
      return complain(reply.status());
    if (options.json)
      std::cout << ordered_json{{"deleted", true}, {"hash", key.hash()}}.dump(2) << "\n";
    else
      fmt::print("deleted {} ({})\n", key.name(), key.label());
    return 0;
  });
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
  make.add_option("--limit", options->limit, "Spending limit in USD, such as 20 or 0.5; default: none");
  make.add_option("--reset", options->reset, "When the limit starts anew (UTC)")
      ->check(CLI::IsMember({"none", "daily", "weekly", "monthly"}));
  make.add_option("--expires-days", options->expires_days, "Days until it stops working; default: never")
      ->check(CLI::Range(1, 36500));
  make.add_option("--workspace", options->workspace, "Default: default");
  CLI::App& all = add("list", "All keys and what they have spent", list);
  all.add_option("--workspace", options->workspace, "Default: default");
  names_key(add("show", "One key", show));
  names_key(add("disable", "Stop a key from working, at once",
                [](const Options& given) { return set_disabled(given, true); }));
  names_key(
      add("enable", "Let a disabled key work again", [](const Options& given) { return set_disabled(given, false); }));
  names_key(add("delete", "Remove a key for good; what it has spent stays in the ledger", remove));
}

}  // namespace tollgate
