#include "gateway/keys_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "gateway/limits_json.h"
#include "services/common/base/money.h"

namespace tollgate {
namespace {

Json text_or_null(const std::string& text) {
  return text.empty() ? Json() : Json(text);
}

Json number_or_null(std::int64_t number) {
  return number > 0 ? Json(number) : Json();
}

// Null: everything.
Json allowed(const google::protobuf::RepeatedPtrField<std::string>& names) {
  return names.empty() ? Json() : Json(std::vector<std::string>(names.begin(), names.end()));
}

// As it was given.
Json preferences(const std::string& json) {
  return json.empty() ? Json() : Json::parse(json, nullptr, false);
}

// What both views of a key have in common.
void append_common(const v1::Key& key, Json& json) {
  json["label"] = key.label();
  json["name"] = key.name();
  append_tightest(key.limits(), json);
  json["include_byok_in_limit"] = key.include_byok_in_limit();
  append_usage(key.spend(), json);
  // Upstreams are paid with the gateway's own keys.
  json["byok_usage"] = 0;
  json["byok_usage_daily"] = 0;
  json["byok_usage_weekly"] = 0;
  json["byok_usage_monthly"] = 0;
  json["creator_user_id"] = text_or_null(key.creator_user_id());
  json["workspace_id"] = text_or_null(key.workspace());
  json["expires_at"] = time_json(key.expires_at_ms());
  append_limits(key.limits(), json);
  json["hold_mode"] = hold_mode_json(key.hold_mode());
  json["allowed_models"] = allowed(key.permissions().models());
  json["allowed_providers"] = allowed(key.permissions().providers());
  json["requests_per_minute"] = number_or_null(key.rate_limits().requests_per_minute());
  json["tokens_per_minute"] = number_or_null(key.rate_limits().tokens_per_minute());
  json["provider"] = preferences(key.provider_preferences());
}

std::string as_data(Json data) {
  Json json;
  json["data"] = std::move(data);
  return dump(json);
}

}  // namespace

Json key_object(const v1::Key& key) {
  Json json;
  json["hash"] = key.hash();
  json["disabled"] = key.disabled();
  json["management"] = key.management();
  append_common(key, json);
  json["external_user"] = text_or_null(key.external_user());
  json["created_at"] = iso_time(key.created_at_ms() / 1000);
  json["updated_at"] = time_json(key.updated_at_ms());
  return json;
}

Json workspace_object(const v1::Workspace& workspace) {
  Json json;
  json["id"] = workspace.id();
  json["name"] = workspace.name();
  json["keys"] = workspace.keys();
  append_tightest(workspace.limits(), json);
  append_usage(workspace.spend(), json);
  append_limits(workspace.limits(), json);
  const bool unset = workspace.hold_mode() == v1::HOLD_MODE_UNSPECIFIED;
  json["hold_mode"] = hold_mode_json(unset ? v1::HOLD_MODE_STRICT : workspace.hold_mode());
  json["provider"] = preferences(workspace.provider_preferences());
  json["created_at"] = iso_time(workspace.created_at_ms() / 1000);
  json["updated_at"] = time_json(workspace.updated_at_ms());
  // OpenRouter's own, which its SDK demands.
  json["slug"] = workspace.id();
  json["default_guardrail_id"] = "";
  for (const char* name : {"description", "created_by", "default_text_model", "default_image_model",
                           "default_provider_sort", "io_logging_api_key_ids"})
    json[name] = nullptr;
  json["io_logging_sampling_rate"] = 0;
  for (const char* name : {"is_data_discount_logging_enabled", "is_observability_broadcast_enabled",
                           "is_observability_io_logging_enabled"})
    json[name] = false;
  return json;
}

std::string current_key_json(const v1::Key& key) {
  Json data;
  append_common(key, data);
  data["is_free_tier"] = false;
  data["is_management_key"] = key.management();
  data["is_provisioning_key"] = key.management();
  data["organization_id"] = nullptr;
  data["allowed_data_regions"] = Json::array({"global"});
  data["free_model_daily_requests"]["used"] = 0;
  data["free_model_daily_requests"]["limit"] = 0;
  data["free_model_daily_requests"]["remaining"] = 0;
  data["rate_limit"]["interval"] = "10s";
  data["rate_limit"]["note"] = "This field is deprecated and safe to ignore.";
  data["rate_limit"]["requests"] = -1;
  return as_data(std::move(data));
}

std::string key_json(const v1::Key& key) {
  return as_data(key_object(key));
}

std::string created_key_json(const v1::CreateKeyReply& created) {
  Json json;
  json["data"] = key_object(created.key());
  json["key"] = created.secret();
  return dump(json);
}

std::string keys_json(const v1::ListKeysReply& keys, bool include_disabled, const ListPage& page) {
  Json list = Json::array();
  std::size_t passed = 0;
  for (const v1::Key& key : keys.keys()) {
    if (key.disabled() && !include_disabled)
      continue;
    if (passed++ >= page.offset && list.size() < page.limit)
      list.push_back(key_object(key));
  }
  return as_data(std::move(list));
}

std::string workspace_json(const v1::Workspace& workspace) {
  return as_data(workspace_object(workspace));
}

std::string workspaces_json(const v1::ListWorkspacesReply& workspaces, const ListPage& page) {
  Json list = Json::array();
  const auto size = static_cast<std::size_t>(workspaces.workspaces_size());
  for (std::size_t i = page.offset; i < size && list.size() < page.limit; ++i)
    list.push_back(workspace_object(workspaces.workspaces(static_cast<int>(i))));
  Json json;
  json["data"] = std::move(list);
  json["total_count"] = workspaces.workspaces_size();
  return dump(json);
}

std::string credits_json(const v1::ListWorkspacesReply& workspaces) {
  // Whole USD apart from the rest: many of the largest amount do not fit into nano-USD.
  std::int64_t credits_usd = 0;
  std::int64_t credits_nano = 0;
  std::int64_t usage = 0;
  for (const v1::Workspace& workspace : workspaces.workspaces()) {
    const auto& limits = workspace.limits();
    const auto lasting = std::find_if(limits.begin(), limits.end(), [](const v1::LimitState& state) {
      return state.limit().reset() == v1::RESET_NONE;
    });
    const std::int64_t credit =
        lasting == limits.end() ? kMaxNanoUsd / kNanoPerUsd * kNanoPerUsd : lasting->limit().amount_nano_usd();
    credits_usd += credit / kNanoPerUsd;
    credits_nano += credit % kNanoPerUsd;
    usage += workspace.spend().usage_nano_usd();
  }
  Json data;
  data["total_credits"] = static_cast<double>(credits_usd) + to_usd(credits_nano);
  data["total_usage"] = to_usd(usage);
  return as_data(std::move(data));
}

}  // namespace tollgate
