#include "services/budget/redis_keys.h"

#include <fmt/format.h>

#include <algorithm>

#include "services/budget/key_text.h"
#include "services/budget/layout.h"
#include "services/budget/reply_reader.h"
#include "services/budget/scripts.h"
#include "services/common/base/digest.h"
#include "services/common/base/errors.h"

namespace tollgate {
namespace {

constexpr const char* kDefaultWorkspace = "default";
// Keys read by one script: a workspace of thousands must not hold Redis up.
constexpr std::size_t kListBatch = 100;

absl::Status no_such_key(const std::string& hash) {
  return error(v1::Failure::KIND_NOT_FOUND, fmt::format("There is no key with the hash \"{}\".", hash.substr(0, 64)));
}

absl::Status check_reset(v1::Reset reset) {
  if (v1::Reset_IsValid(reset))
    return absl::OkStatus();
  return error(v1::Failure::KIND_INVALID_REQUEST,
               fmt::format("limit_reset: expected none, daily, weekly or monthly, got {}", static_cast<int>(reset)));
}

absl::StatusOr<std::string> workspace_or_default(const std::string& workspace) {
  if (workspace.empty())
    return std::string(kDefaultWorkspace);
  if (is_workspace(workspace))
    return workspace;
  return error(v1::Failure::KIND_INVALID_REQUEST,
               "workspace: expected 1 to 64 letters, digits, dots, dashes or underscores");
}

// A view as key_view.lua returns it.
absl::StatusOr<v1::Key> to_key(const RedisScript& script, const RedisReply& view, std::string hash,
                               std::string workspace) {
  v1::Key key;
  key.set_hash(std::move(hash));
  key.set_workspace(std::move(workspace));
  ReplyReader fields(view);
  key.set_name(fields.text());
  key.set_label(fields.text());
  key.set_created_at_ms(fields.integer());
  key.set_updated_at_ms(fields.integer());
  key.set_disabled(fields.integer() == 1);
  if (const auto limit = fields.optional_integer())
    key.set_limit_nano_usd(*limit);
  key.set_limit_reset(static_cast<v1::Reset>(fields.integer()));
  if (const auto expires_at = fields.optional_integer())
    key.set_expires_at_ms(*expires_at);
  key.set_held_nano_usd(fields.integer());
  key.set_usage_nano_usd(fields.integer());
  key.set_usage_daily_nano_usd(fields.integer());
  key.set_usage_weekly_nano_usd(fields.integer());
  key.set_usage_monthly_nano_usd(fields.integer());
  if (const auto resets_at = fields.optional_integer(); resets_at && key.has_limit_nano_usd())
    key.set_resets_at_ms(*resets_at * 1000);
  if (fields.failed())
    return unexpected_reply(script);
  return key;
}

}  // namespace

Awaitable<absl::StatusOr<v1::CreateKeyReply>> RedisKeys::create(const v1::CreateKeyRequest& request) {
  if (absl::Status status = check_key_name(request.name()); !status.ok())
    co_return status;
  if (absl::Status status = check_amount("limit", request.limit_nano_usd()); !status.ok())
    co_return status;
  if (absl::Status status = check_reset(request.limit_reset()); !status.ok())
    co_return status;
  const absl::StatusOr<std::string> workspace = workspace_or_default(request.workspace());
  if (!workspace.ok())
    co_return workspace.status();

  std::string secret = new_secret();
  const std::string hash = sha256_hex(secret);
  // The record comes last: without it the key does not work, and with it the rest is there.
  std::vector<std::string> set_workspace = {"SET", layout::workspace_of_key(hash), *workspace};
  if (const auto reply = co_await run(std::move(set_workspace)); !reply.ok())
    co_return reply.status();
  std::vector<std::string> add_workspace = {"SADD", std::string(layout::kWorkspaces), *workspace};
  if (const auto reply = co_await run(std::move(add_workspace)); !reply.ok())
    co_return reply.status();
  std::vector<std::string> keys = {layout::key_record(*workspace, hash), layout::keys(*workspace)};
  std::vector<std::string> args = {hash, request.name(), mask_secret(secret), std::to_string(request.limit_reset())};
  args.push_back(request.has_limit_nano_usd() ? std::to_string(request.limit_nano_usd()) : "");
  args.push_back(request.has_expires_at_ms() ? std::to_string(request.expires_at_ms()) : "");
  const auto view = co_await run(scripts::create_key(), std::move(keys), std::move(args));
  if (!view.ok())
    co_return view.status();
  if (view->text == "past") {
    std::vector<std::string> forget = {"DEL", layout::workspace_of_key(hash)};
    if (const auto reply = co_await run(std::move(forget)); !reply.ok())
      co_return reply.status();
    co_return error(v1::Failure::KIND_INVALID_REQUEST, "expires_at: expected a time in the future");
  }
  auto key = to_key(scripts::create_key(), *view, hash, *workspace);
  if (!key.ok())
    co_return key.status();
  v1::CreateKeyReply out;
  *out.mutable_key() = *std::move(key);
  out.set_secret(std::move(secret));
  co_return out;
}

Awaitable<absl::StatusOr<v1::ListKeysReply>> RedisKeys::list(const v1::ListKeysRequest& request) {
  const absl::StatusOr<std::string> workspace = workspace_or_default(request.workspace());
  if (!workspace.ok())
    co_return workspace.status();
  std::vector<std::string> range = {"ZRANGE", layout::keys(*workspace), "0", "-1"};
  auto hashes = co_await run(std::move(range));
  if (!hashes.ok())
    co_return hashes.status();

  v1::ListKeysReply out;
  for (std::size_t first = 0; first < hashes->elements.size(); first += kListBatch) {
    const std::size_t end = std::min(first + kListBatch, hashes->elements.size());
    std::vector<std::string> records;
    for (std::size_t i = first; i < end; ++i)
      records.push_back(layout::key_record(*workspace, hashes->elements[i].text));
    const std::size_t expected = records.size();
    std::vector<std::string> no_args;
    const auto views = co_await run(scripts::read_keys(), std::move(records), std::move(no_args));
    if (!views.ok())
      co_return views.status();
    if (views->elements.size() != expected)
      co_return unexpected_reply(scripts::read_keys());
    for (std::size_t i = 0; i < expected; ++i) {
      // Removed in the meantime.
      if (views->elements[i].is_nil())
        continue;
      auto key =
          to_key(scripts::read_keys(), views->elements[i], std::move(hashes->elements[first + i].text), *workspace);
      if (!key.ok())
        co_return key.status();
      *out.add_keys() = *std::move(key);
    }
  }
  co_return out;
}

Awaitable<absl::StatusOr<v1::Key>> RedisKeys::get(const v1::GetKeyRequest& request) {
  const auto workspace = co_await workspace_of(request.hash());
  if (!workspace.ok())
    co_return workspace.status();
  std::vector<std::string> keys = {layout::key_record(*workspace, request.hash())};
  std::vector<std::string> no_args;
  const auto views = co_await run(scripts::read_keys(), std::move(keys), std::move(no_args));
  if (!views.ok())
    co_return views.status();
  if (views->elements.size() != 1)
    co_return unexpected_reply(scripts::read_keys());
  if (views->elements[0].is_nil())
    co_return no_such_key(request.hash());
  co_return to_key(scripts::read_keys(), views->elements[0], request.hash(), *workspace);
}

Awaitable<absl::StatusOr<v1::Key>> RedisKeys::update(const v1::UpdateKeyRequest& request) {
  std::vector<std::string> args = {request.clear_limit() ? "1" : "0"};
  const auto set = [&args](const char* field, std::string value) {
    args.emplace_back(field);
    args.push_back(std::move(value));
  };
  if (request.has_name()) {
    if (absl::Status status = check_key_name(request.name()); !status.ok())
      co_return status;
    set("name", request.name());
  }
  if (request.has_disabled())
    set("disabled", request.disabled() ? "1" : "0");
  if (request.has_limit_nano_usd()) {
    if (request.clear_limit())
      co_return error(v1::Failure::KIND_INVALID_REQUEST, "limit: expected either a new limit or none, got both");
    if (absl::Status status = check_amount("limit", request.limit_nano_usd()); !status.ok())
      co_return status;
    set("limit", std::to_string(request.limit_nano_usd()));
  }
  if (request.has_limit_reset()) {
    if (absl::Status status = check_reset(request.limit_reset()); !status.ok())
      co_return status;
    set("reset", std::to_string(request.limit_reset()));
  }

  const auto workspace = co_await workspace_of(request.hash());
  if (!workspace.ok())
    co_return workspace.status();
  std::vector<std::string> keys = {layout::key_record(*workspace, request.hash())};
  const auto view = co_await run(scripts::update_key(), std::move(keys), std::move(args));
  if (!view.ok())
    co_return view.status();
  if (view->is_nil())
    co_return no_such_key(request.hash());
  co_return to_key(scripts::update_key(), *view, request.hash(), *workspace);
}

Awaitable<absl::StatusOr<v1::DeleteKeyReply>> RedisKeys::remove(const v1::DeleteKeyRequest& request) {
  const auto workspace = co_await workspace_of(request.hash());
  if (!workspace.ok())
    co_return workspace.status();
  // The record goes first and the key is dead; the way to it last, so that a repeated call finds what is left.
  std::vector<std::string> keys = {layout::key_record(*workspace, request.hash()), layout::keys(*workspace)};
  std::vector<std::string> args = {request.hash()};
  if (const auto reply = co_await run(scripts::remove_key(), std::move(keys), std::move(args)); !reply.ok())
    co_return reply.status();
  std::vector<std::string> forget = {"DEL", layout::workspace_of_key(request.hash())};
  if (const auto reply = co_await run(std::move(forget)); !reply.ok())
    co_return reply.status();
  co_return v1::DeleteKeyReply();
}

Awaitable<absl::StatusOr<std::string>> RedisKeys::workspace_of(std::string hash) {
  if (!is_key_hash(hash))
    co_return no_such_key(hash);
  std::vector<std::string> argv = {"GET", layout::workspace_of_key(hash)};
  auto reply = co_await run(std::move(argv));
  if (!reply.ok())
    co_return reply.status();
  if (reply->is_nil())
    co_return no_such_key(hash);
  co_return std::move(reply->text);
}

Awaitable<absl::StatusOr<RedisReply>> RedisKeys::run(std::vector<std::string> argv) {
  auto reply = co_await redis_.command(std::move(argv));
  if (reply.ok()) {
    if (absl::Status status = status_of(*reply); !status.ok())
      co_return status;
  }
  co_return reply;
}

Awaitable<absl::StatusOr<RedisReply>> RedisKeys::run(const RedisScript& script, std::vector<std::string> keys,
                                                     std::vector<std::string> args) {
  auto reply = co_await redis_.eval(script, std::move(keys), std::move(args));
  if (reply.ok()) {
    if (absl::Status status = status_of(*reply); !status.ok())
      co_return status;
  }
  co_return reply;
}

}  // namespace tollgate
