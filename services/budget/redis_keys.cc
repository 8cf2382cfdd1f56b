#include "services/budget/redis_keys.h"

#include <fmt/format.h>

#include <algorithm>

#include "services/budget/commands.h"
#include "services/budget/key_text.h"
#include "services/budget/layout.h"
#include "services/budget/limits.h"
#include "services/budget/redis_sign_ins.h"
#include "services/budget/redis_workspaces.h"
#include "services/budget/reply_reader.h"
#include "services/budget/scripts.h"
#include "services/common/base/digest.h"
#include "services/common/base/errors.h"

namespace tollgate {
namespace {

// Keys read by one script: a workspace of thousands must not hold Redis up.
constexpr std::size_t kListBatch = 100;
constexpr std::size_t kMaxNoteCharacters = 256;

absl::Status no_such_key(const std::string& hash) {
  return error(v1::Failure::KIND_NOT_FOUND, fmt::format("There is no key with the hash \"{}\".", hash.substr(0, 64)));
}

// What a rate limit may be; 0 is none.
absl::Status check_rate(std::string_view field, std::int64_t rate) {
  constexpr std::int64_t most = 1'000'000'000;
  if (rate >= 0 && rate <= most)
    return absl::OkStatus();
  return error(v1::Failure::KIND_INVALID_REQUEST, fmt::format("{}: expected 1 to {}, got {}", field, most, rate));
}

// Model patterns and provider slugs, each a word.
absl::Status check_permissions(const v1::Permissions& permissions) {
  constexpr int most = 100;
  for (const auto& [field, words] :
       {std::pair("allowed_models", &permissions.models()), std::pair("allowed_providers", &permissions.providers())}) {
    if (words->size() > most)
      return error(v1::Failure::KIND_INVALID_REQUEST,
                   fmt::format("{}: expected at most {}, got {}", field, most, words->size()));
    for (const std::string& word : *words) {
      if (!is_generation_id(word))
        return error(v1::Failure::KIND_INVALID_REQUEST,
                     fmt::format("{}: expected 1 to 128 printable characters each, got \"{}\"", field, word));
    }
  }
  return absl::OkStatus();
}

absl::Status check_note(std::string_view field, const std::string& text) {
  return text.empty() ? absl::OkStatus() : check_text(field, text, kMaxNoteCharacters);
}

using Fields = std::vector<std::string>;

void set(Fields& fields, const char* field, std::string value) {
  fields.emplace_back(field);
  fields.push_back(std::move(value));
}

// 0 and empty values remove the field.
std::string number_or_nothing(std::int64_t number) {
  return number == 0 ? std::string() : std::to_string(number);
}

// What create and update have in common: checks, and adds the fields of a key's record.
template <class Request>
absl::Status add_rules(const Request& request, Fields& fields) {
  if (request.has_limits()) {
    if (absl::Status status = check_limits(request.limits()); !status.ok())
      return status;
    set(fields, "limits", limits_text(request.limits()));
  }
  if (request.has_permissions()) {
    if (absl::Status status = check_permissions(request.permissions()); !status.ok())
      return status;
    set(fields, "permissions", request.permissions().SerializeAsString());
  }
  if (request.has_rate_limits()) {
    const v1::RateLimits& rates = request.rate_limits();
    absl::Status status = check_rate("requests_per_minute", rates.requests_per_minute());
    if (status.ok())
      status = check_rate("tokens_per_minute", rates.tokens_per_minute());
    if (!status.ok())
      return status;
    set(fields, "rpm", number_or_nothing(rates.requests_per_minute()));
    set(fields, "tpm", number_or_nothing(rates.tokens_per_minute()));
    // Buckets of another size begin full.
    set(fields, "rate", "");
  }
  return absl::OkStatus();
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
  key.set_management(fields.integer() == 1);
  if (const auto expires_at = fields.optional_integer())
    key.set_expires_at_ms(*expires_at);
  key.set_hold_mode(static_cast<v1::HoldMode>(fields.integer()));
  if (!key.mutable_permissions()->ParseFromString(fields.text()))
    return unexpected_reply(script);
  key.mutable_rate_limits()->set_requests_per_minute(fields.integer());
  key.mutable_rate_limits()->set_tokens_per_minute(fields.integer());
  key.set_creator_user_id(fields.text());
  key.set_external_user(fields.text());
  key.set_include_byok_in_limit(fields.integer() == 1);
  key.set_provider_preferences(fields.text());
  key.set_workspace_provider_preferences(fields.text());
  read_spend(fields, *key.mutable_spend(), *key.mutable_limits());
  if (fields.failed())
    return unexpected_reply(script);
  return key;
}

}  // namespace

Awaitable<absl::StatusOr<v1::CreateKeyReply>> RedisKeys::create(const v1::CreateKeyRequest& request) {
  const std::string workspace = request.workspace().empty() ? std::string(kDefaultWorkspace) : request.workspace();
  Fields fields;
  absl::Status status = check_name(request.name());
  if (status.ok())
    status = check_workspace_id(workspace);
  if (status.ok())
    status = check_hold_mode(request.hold_mode());
  if (status.ok())
    status = check_note("creator_user_id", request.creator_user_id());
  if (status.ok())
    status = check_note("external_user", request.external_user());
  if (status.ok())
    status = check_preferences(request.provider_preferences());
  if (status.ok())
    status = add_rules(request, fields);
  if (!status.ok())
    co_return status;
  std::string secret = new_secret();
  const std::string hash = sha256_hex(secret);
  set(fields, "disabled", "0");
  set(fields, "label", mask_secret(secret));
  set(fields, "name", request.name());
  set(fields, "management", request.management() ? "1" : "");
  set(fields, "mode", number_or_nothing(request.hold_mode()));
  set(fields, "creator", request.creator_user_id());
  set(fields, "external", request.external_user());
  set(fields, "byok", request.include_byok_in_limit() ? "1" : "");
  set(fields, "provider", request.provider_preferences());

  // The record comes last: without it the key does not work, and with it the rest is there.
  std::vector<std::string> set_workspace = {"SET", layout::workspace_of_key(hash), workspace};
  if (const auto reply = co_await run(redis_, std::move(set_workspace)); !reply.ok())
    co_return reply.status();
  if (workspace == kDefaultWorkspace) {
    std::vector<std::string> add_workspace = {"SADD", std::string(layout::kWorkspaces), workspace};
    if (const auto reply = co_await run(redis_, std::move(add_workspace)); !reply.ok())
      co_return reply.status();
  }
  std::vector<std::string> keys = {layout::key_record(workspace, hash), layout::keys(workspace),
                                   layout::workspace_record(workspace)};
  std::vector<std::string> args = {hash, workspace == kDefaultWorkspace ? workspace : "",
                                   request.has_expires_at_ms() ? std::to_string(request.expires_at_ms()) : ""};
  std::move(fields.begin(), fields.end(), std::back_inserter(args));
  const auto view = co_await run(redis_, scripts::create_key(), std::move(keys), std::move(args));
  if (!view.ok())
    co_return view.status();
  if (view->text == "past" || view->text == "workspace") {
    std::vector<std::string> forget = {"DEL", layout::workspace_of_key(hash)};
    if (const auto reply = co_await run(redis_, std::move(forget)); !reply.ok())
      co_return reply.status();
    if (view->text == "past")
      co_return error(v1::Failure::KIND_INVALID_REQUEST, "expires_at: expected a time in the future");
    co_return error(v1::Failure::KIND_INVALID_REQUEST,
                    fmt::format("workspace: there is no workspace \"{}\": create it first", workspace));
  }
  auto key = to_key(scripts::create_key(), *view, hash, workspace);
  if (!key.ok())
    co_return key.status();
  v1::CreateKeyReply out;
  *out.mutable_key() = *std::move(key);
  out.set_secret(std::move(secret));
  co_return out;
}

Awaitable<absl::StatusOr<v1::ListKeysReply>> RedisKeys::list(const v1::ListKeysRequest& request) {
  std::vector<std::string> workspaces = {request.workspace()};
  if (request.workspace().empty()) {
    auto all = co_await workspace_ids(redis_);
    if (!all.ok())
      co_return all.status();
    workspaces = *std::move(all);
  } else if (absl::Status status = check_workspace_id(request.workspace()); !status.ok()) {
    co_return status;
  }
  v1::ListKeysReply out;
  for (const std::string& workspace : workspaces) {
    if (absl::Status status = co_await list_workspace(workspace, out); !status.ok())
      co_return status;
  }
  co_return out;
}

Awaitable<absl::Status> RedisKeys::list_workspace(std::string workspace, v1::ListKeysReply& out) {
  std::vector<std::string> range = {"ZRANGE", layout::keys(workspace), "0", "-1"};
  auto hashes = co_await run(redis_, std::move(range));
  if (!hashes.ok())
    co_return hashes.status();
  for (std::size_t first = 0; first < hashes->elements.size(); first += kListBatch) {
    const std::size_t end = std::min(first + kListBatch, hashes->elements.size());
    std::vector<std::string> records = {layout::workspace_record(workspace)};
    for (std::size_t i = first; i < end; ++i)
      records.push_back(layout::key_record(workspace, hashes->elements[i].text));
    std::vector<std::string> no_args;
    const auto views = co_await run(redis_, scripts::read_keys(), std::move(records), std::move(no_args));
    if (!views.ok())
      co_return views.status();
    if (views->elements.size() != end - first)
      co_return unexpected_reply(scripts::read_keys());
    for (std::size_t i = first; i < end; ++i) {
      const RedisReply& view = views->elements[i - first];
      // Removed in the meantime.
      if (view.is_nil())
        continue;
      auto key = to_key(scripts::read_keys(), view, std::move(hashes->elements[i].text), workspace);
      if (!key.ok())
        co_return key.status();
      *out.add_keys() = *std::move(key);
    }
  }
  co_return absl::OkStatus();
}

Awaitable<absl::StatusOr<v1::Key>> RedisKeys::get(const v1::GetKeyRequest& request) {
  absl::StatusOr<std::string> hash = request.hash();
  if (!request.session().empty()) {
    hash = co_await key_of_session(redis_, request.session());
    if (!hash.ok())
      co_return hash.status();
    if (hash->empty())
      co_return error(v1::Failure::KIND_NOT_FOUND, "There is no such session.");
  }
  const auto workspace = co_await workspace_of(*hash);
  if (!workspace.ok())
    co_return workspace.status();
  std::vector<std::string> keys = {layout::workspace_record(*workspace), layout::key_record(*workspace, *hash)};
  std::vector<std::string> no_args;
  const auto views = co_await run(redis_, scripts::read_keys(), std::move(keys), std::move(no_args));
  if (!views.ok())
    co_return views.status();
  if (views->elements.size() != 1)
    co_return unexpected_reply(scripts::read_keys());
  if (views->elements[0].is_nil())
    co_return no_such_key(*hash);
  co_return to_key(scripts::read_keys(), views->elements[0], *hash, *workspace);
}

Awaitable<absl::StatusOr<v1::Key>> RedisKeys::update(const v1::UpdateKeyRequest& request) {
  Fields fields;
  if (request.has_name()) {
    if (absl::Status status = check_name(request.name()); !status.ok())
      co_return status;
    set(fields, "name", request.name());
  }
  if (request.has_disabled())
    set(fields, "disabled", request.disabled() ? "1" : "0");
  if (request.has_expires_at_ms()) {
    if (request.expires_at_ms() < 0)
      co_return error(v1::Failure::KIND_INVALID_REQUEST, "expires_at: expected a time after 1970");
    set(fields, "expires", number_or_nothing(request.expires_at_ms()));
  }
  if (request.has_hold_mode()) {
    if (absl::Status status = check_hold_mode(request.hold_mode()); !status.ok())
      co_return status;
    set(fields, "mode", number_or_nothing(request.hold_mode()));
  }
  if (request.has_include_byok_in_limit())
    set(fields, "byok", request.include_byok_in_limit() ? "1" : "");
  if (request.has_provider_preferences()) {
    if (absl::Status status = check_preferences(request.provider_preferences()); !status.ok())
      co_return status;
    set(fields, "provider", request.provider_preferences());
  }
  if (absl::Status status = add_rules(request, fields); !status.ok())
    co_return status;

  const auto workspace = co_await workspace_of(request.hash());
  if (!workspace.ok())
    co_return workspace.status();
  std::vector<std::string> keys = {layout::key_record(*workspace, request.hash()),
                                   layout::workspace_record(*workspace)};
  const auto view = co_await run(redis_, scripts::update_key(), std::move(keys), std::move(fields));
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
  std::vector<std::string> keys = {layout::key_record(*workspace, request.hash()), layout::keys(*workspace),
                                   layout::outputs(*workspace, request.hash()), layout::names(*workspace)};
  std::vector<std::string> args = {request.hash()};
  if (const auto reply = co_await run(redis_, scripts::remove_key(), std::move(keys), std::move(args)); !reply.ok())
    co_return reply.status();
  std::vector<std::string> forget = {"DEL", layout::workspace_of_key(request.hash())};
  if (const auto reply = co_await run(redis_, std::move(forget)); !reply.ok())
    co_return reply.status();
  co_return v1::DeleteKeyReply();
}

Awaitable<absl::StatusOr<std::string>> RedisKeys::workspace_of(std::string hash) {
  if (!is_key_hash(hash))
    co_return no_such_key(hash);
  std::vector<std::string> argv = {"GET", layout::workspace_of_key(hash)};
  auto reply = co_await run(redis_, std::move(argv));
  if (!reply.ok())
    co_return reply.status();
  if (reply->is_nil())
    co_return no_such_key(hash);
  co_return std::move(reply->text);
}

}  // namespace tollgate
