#include "gateway/key_requests.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "gateway/limits_json.h"
#include "gateway/member_reader.h"

namespace tollgate {
namespace {

using Kind = JsonValue::Kind;

// By their numbers in the contract; null is the first of each.
const std::vector<std::string> kResets = {"", "daily", "weekly", "monthly"};
const std::vector<std::string> kHoldModes = {"", "strict", "expected"};

std::optional<v1::Reset> read_reset(MemberReader& in) {
  const auto reset = in.choice_or_null("limit_reset", kResets);
  return reset ? std::optional(static_cast<v1::Reset>(*reset)) : std::nullopt;
}

v1::Limits one_limit(std::int64_t amount, v1::Reset reset) {
  v1::Limits limits;
  limits.add_limits()->set_amount_nano_usd(amount);
  limits.mutable_limits(0)->set_reset(reset);
  return limits;
}

// `limits`.
v1::Limits read_list(MemberReader& in, const JsonValue& list) {
  v1::Limits limits;
  if (list.kind != Kind::kNull && list.kind != Kind::kArray)
    in.fail("limits", fmt::format("expected a list such as [{{\"limit\": 5, \"limit_reset\": \"daily\"}}]; got {}",
                                  in_short(list)));
  for (const JsonValue& element : list.children) {
    MemberReader entry(element, "a limit", fmt::format("limits[{}].", limits.limits_size()));
    v1::Limit& limit = *limits.add_limits();
    const auto amount = entry.usd("limit");
    limit.set_amount_nano_usd(amount.value_or(0));
    limit.set_reset(read_reset(entry).value_or(v1::RESET_NONE));
    if (entry.find("limit") == nullptr)
      entry.fail("limit", "is missing");
    in.fail(entry.finish());
    const auto alike = std::count_if(limits.limits().begin(), limits.limits().end(),
                                     [&](const v1::Limit& other) { return other.reset() == limit.reset(); });
    if (alike > 1)
      in.fail("limits", fmt::format("there are two with limit_reset {}; give one of each",
                                    reset_name(limit.reset()) != nullptr ? reset_name(limit.reset()) : "null"));
  }
  return limits;
}

// Nothing when the limits stay as they are.
std::optional<v1::Limits> read_limits(MemberReader& in, const LimitStates& current) {
  const JsonValue* list = in.find("limits");
  const bool amount_given = in.find("limit") != nullptr;
  const bool reset_given = in.find("limit_reset") != nullptr;
  if (list != nullptr) {
    if (amount_given || reset_given)
      in.fail("limits", "stands for itself; leave out limit and limit_reset, or give these two alone");
    return read_list(in, *list);
  }
  if (!amount_given && !reset_given)
    return std::nullopt;
  if (current.size() > 1) {
    in.fail(amount_given ? "limit" : "limit_reset",
            fmt::format("there are {} limits, and this does not say which; use limits, a list of all of them",
                        current.size()));
    return std::nullopt;
  }
  std::optional<std::int64_t> amount;
  v1::Reset reset = v1::RESET_NONE;
  if (!current.empty()) {
    amount = current[0].limit().amount_nano_usd();
    reset = current[0].limit().reset();
  }
  const bool removed = in.is_null("limit");
  if (amount_given)
    amount = removed ? std::nullopt : in.usd("limit");
  if (reset_given)
    reset = read_reset(in).value_or(v1::RESET_NONE);
  if (amount)
    return one_limit(*amount, reset);
  if (reset_given && reset != v1::RESET_NONE)
    in.fail("limit_reset", "there is no limit that could start anew; give limit, too");
  return v1::Limits();
}

std::optional<v1::HoldMode> read_hold_mode(MemberReader& in) {
  const auto mode = in.choice_or_null("hold_mode", kHoldModes);
  return mode ? std::optional(static_cast<v1::HoldMode>(*mode)) : std::nullopt;
}

// False when nothing of it is given.
bool read_permissions(MemberReader& in, v1::Permissions& permissions) {
  const auto models = in.texts_or_null("allowed_models");
  const auto providers = in.texts_or_null("allowed_providers");
  if (models)
    permissions.mutable_models()->Assign(models->begin(), models->end());
  if (providers)
    permissions.mutable_providers()->Assign(providers->begin(), providers->end());
  return models || providers;
}

bool read_rate_limits(MemberReader& in, v1::RateLimits& rates) {
  const auto requests = in.count_or_null("requests_per_minute");
  const auto tokens = in.count_or_null("tokens_per_minute");
  if (requests)
    rates.set_requests_per_minute(*requests);
  if (tokens)
    rates.set_tokens_per_minute(*tokens);
  return requests || tokens;
}

std::string as_json(const JsonValue& value) {
  std::vector<std::string> parts;
  for (const JsonValue& child : value.children)
    parts.push_back((value.kind == Kind::kObject ? nlohmann::json(child.name).dump() + ":" : "") + as_json(child));
  switch (value.kind) {
    case Kind::kNull:
      return "null";
    case Kind::kBoolean:
      return value.boolean ? "true" : "false";
    case Kind::kNumber:
      return value.text;
    case Kind::kString:
      return nlohmann::json(value.text).dump();
    case Kind::kArray:
      return fmt::format("[{}]", fmt::join(parts, ","));
    case Kind::kObject:
      return fmt::format("{{{}}}", fmt::join(parts, ","));
  }
  return "null";
}

// Checked by whoever keeps it; null becomes "".
std::optional<std::string> read_provider(MemberReader& in) {
  const JsonValue* provider = in.find("provider");
  if (provider == nullptr)
    return std::nullopt;
  return provider->kind == Kind::kNull ? std::string() : as_json(*provider);
}

// OpenRouter's: whose customer holds the key.
std::optional<std::string> read_external_user(MemberReader& in) {
  const JsonValue* external = in.find("external");
  if (external == nullptr || external->kind == Kind::kNull)
    return std::nullopt;
  MemberReader entry(*external, "an external user", "external.");
  const auto user = entry.text("user");
  if (entry.find("api_key") != nullptr)
    entry.fail("api_key", "is not supported: Tollgate makes the secrets of its keys itself");
  else if (entry.find("user") == nullptr)
    entry.fail("user", "is missing");
  in.fail(entry.finish());
  return user;
}

template <class Request>
absl::StatusOr<Request> finished(MemberReader& in, Request request) {
  absl::Status status = in.finish();
  if (!status.ok())
    return status;
  return request;
}

}  // namespace

absl::StatusOr<v1::CreateKeyRequest> read_create_key(const JsonValue& body) {
  MemberReader in(body, "a key");
  v1::CreateKeyRequest request;
  request.set_name(in.text("name").value_or(""));
  if (in.find("name") == nullptr)
    in.fail("name", "is missing; say what or whom the key is for");
  if (const auto limits = read_limits(in, LimitStates()))
    *request.mutable_limits() = *limits;
  if (const auto time = in.future_or_null("expires_at"); time && *time != 0)
    request.set_expires_at_ms(*time);
  request.set_include_byok_in_limit(in.flag("include_byok_in_limit").value_or(false));
  request.set_creator_user_id(in.text_or_null("creator_user_id").value_or(""));
  request.set_workspace(in.text_or_null("workspace_id").value_or(""));
  request.set_external_user(read_external_user(in).value_or(""));
  request.set_management(in.flag("management").value_or(false));
  request.set_hold_mode(read_hold_mode(in).value_or(v1::HOLD_MODE_UNSPECIFIED));
  request.set_provider_preferences(read_provider(in).value_or(""));
  v1::Permissions permissions;
  if (read_permissions(in, permissions))
    *request.mutable_permissions() = std::move(permissions);
  v1::RateLimits rates;
  if (read_rate_limits(in, rates))
    *request.mutable_rate_limits() = rates;
  return finished(in, std::move(request));
}

absl::StatusOr<v1::UpdateKeyRequest> read_update_key(const JsonValue& body, const v1::Key& current) {
  MemberReader in(body, "the change of a key");
  v1::UpdateKeyRequest request;
  request.set_hash(current.hash());
  if (const auto name = in.text("name"))
    request.set_name(*name);
  if (const auto disabled = in.flag("disabled"))
    request.set_disabled(*disabled);
  if (const auto limits = read_limits(in, current.limits()))
    *request.mutable_limits() = *limits;
  if (const auto time = in.future_or_null("expires_at"))
    request.set_expires_at_ms(*time);
  if (const auto include = in.flag("include_byok_in_limit"))
    request.set_include_byok_in_limit(*include);
  if (const auto mode = read_hold_mode(in))
    request.set_hold_mode(*mode);
  if (const auto provider = read_provider(in))
    request.set_provider_preferences(*provider);
  v1::Permissions permissions = current.permissions();
  if (read_permissions(in, permissions))
    *request.mutable_permissions() = std::move(permissions);
  v1::RateLimits rates = current.rate_limits();
  if (read_rate_limits(in, rates))
    *request.mutable_rate_limits() = rates;
  return finished(in, std::move(request));
}

absl::StatusOr<v1::CreateWorkspaceRequest> read_create_workspace(const JsonValue& body) {
  MemberReader in(body, "a workspace");
  v1::CreateWorkspaceRequest request;
  const auto id = in.text("id");
  // OpenRouter's name for it.
  const auto slug = in.text("slug");
  if (in.find("id") == nullptr && in.find("slug") == nullptr)
    in.fail("id", "is missing; it is what keys are made in, and never changes");
  else if (in.find("id") != nullptr && in.find("slug") != nullptr)
    in.fail("slug", "is another name of id; give one of them");
  request.set_id(id ? *id : slug.value_or(""));
  request.set_name(in.text("name").value_or(""));
  if (const auto limits = read_limits(in, LimitStates()))
    *request.mutable_limits() = *limits;
  request.set_hold_mode(read_hold_mode(in).value_or(v1::HOLD_MODE_UNSPECIFIED));
  request.set_provider_preferences(read_provider(in).value_or(""));
  return finished(in, std::move(request));
}

absl::StatusOr<v1::UpdateWorkspaceRequest> read_update_workspace(const JsonValue& body, const v1::Workspace& current) {
  MemberReader in(body, "the change of a workspace");
  v1::UpdateWorkspaceRequest request;
  request.set_id(current.id());
  if (const auto name = in.text("name"))
    request.set_name(*name);
  if (const auto limits = read_limits(in, current.limits()))
    *request.mutable_limits() = *limits;
  if (const auto mode = read_hold_mode(in))
    request.set_hold_mode(*mode);
  if (const auto provider = read_provider(in))
    request.set_provider_preferences(*provider);
  return finished(in, std::move(request));
}

}  // namespace tollgate
