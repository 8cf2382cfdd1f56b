#include "gateway/openrouter_activity.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "gateway/activity_json.h"
#include "gateway/activity_params.h"
#include "gateway/ascii.h"
#include "services/common/base/errors.h"
#include "services/common/base/money.h"

namespace tollgate {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::int64_t kDays = 30;
constexpr std::uint32_t kMostRows = 10'000;

absl::Status invalid(std::string message) {
  return error(v1::Failure::KIND_INVALID_REQUEST, std::move(message));
}

absl::Status read_day(const std::string& text, std::int64_t today_ms, v1::ActivityFilter& filter) {
  const absl::StatusOr<std::int64_t> day = parse_time(text, today_ms);
  const bool date = text.size() == 10 && day.ok() && *day % kDayMs == 0 && text[4] == '-';
  if (!date || *day >= today_ms || *day < today_ms - kDays * kDayMs)
    return invalid(fmt::format("date: expected one of the last 30 completed days, {} to {}; got \"{}\"",
                               iso_time_ms(today_ms - kDays * kDayMs).substr(0, 10),
                               iso_time_ms(today_ms - kDayMs).substr(0, 10), text.substr(0, 60)));
  filter.set_since_ms(*day);
  filter.set_until_ms(*day + kDayMs);
  return absl::OkStatus();
}

Json text_or_null(const std::string& text) {
  return text.empty() ? Json() : Json(text);
}

std::int64_t prompt_tokens(const v1::Usage& usage) {
  return usage.input_tokens() + usage.cache_read_tokens() + usage.cache_write_5m_tokens() +
         usage.cache_write_1h_tokens();
}

// As the chat completions API says it.
Json finish_reason(const v1::ActivityRecord& record) {
  const std::string& reason = record.finish_reason();
  if (reason == "end_turn" || reason == "stop_sequence")
    return "stop";
  if (reason == "max_tokens" || reason == "model_context_window_exceeded")
    return "length";
  if (reason == "tool_use")
    return "tool_calls";
  if (reason == "refusal")
    return "content_filter";
  return record.status() >= 400 ? Json("error") : text_or_null(reason);
}

Json provider_responses(const v1::ActivityRecord& record) {
  Json list = Json::array();
  for (const v1::AttemptRecord& attempt : record.attempts()) {
    Json json;
    json["provider_name"] = attempt.provider();
    json["model_permaslug"] = attempt.model();
    json["endpoint_id"] = attempt.provider() + "/" + attempt.model();
    json["status"] = attempt.status();
    json["latency"] = attempt.latency_ms();
    json["is_byok"] = false;
    json["kind"] = attempt.kind();
    list.push_back(std::move(json));
  }
  return list;
}

}  // namespace

absl::StatusOr<v1::ActivityQuery> read_openrouter_activity(std::string_view target, std::int64_t now_ms) {
  const std::int64_t today_ms = now_ms / kDayMs * kDayMs;
  v1::ActivityQuery query;
  v1::ActivityFilter& filter = *query.mutable_filter();
  filter.set_since_ms(today_ms - kDays * kDayMs);
  filter.set_until_ms(today_ms);
  query.add_by(v1::DIMENSION_MODEL);
  query.add_by(v1::DIMENSION_PROVIDER);
  query.set_interval(v1::INTERVAL_DAY);
  query.set_limit(kMostRows);
  absl::Status wrong;
  for (const QueryParam& param : query_params(target)) {
    if (param.name == "date")
      wrong.Update(read_day(param.value, today_ms, filter));
    else if (param.name == "api_key_hash")
      filter.add_keys(param.value);
    else if (param.name == "workspace_id")
      filter.add_workspaces(param.value);
    else if (param.name == "group_by" && param.value == "workspace" && query.by_size() == 2)
      query.add_by(v1::DIMENSION_WORKSPACE);
    else if (param.name == "group_by")
      wrong.Update(invalid("group_by: expected workspace, once"));
    else
      wrong.Update(invalid(
          fmt::format("{}: there is no such parameter. Known are: date, api_key_hash, workspace_id, group_by. More "
                      "stands at /api/v1/activity/query.",
                      param.name.substr(0, 60))));
  }
  if (!wrong.ok())
    return wrong;
  return query;
}

std::string openrouter_activity_json(const v1::ActivityQuery& query, const v1::ActivityReply& reply) {
  Json list = Json::array();
  for (const v1::ActivityGroup& group : reply.groups()) {
    const std::string model = group.values_size() > 0 ? group.values(0) : "";
    const std::string provider = group.values_size() > 1 ? group.values(1) : "";
    // Nobody served these.
    if (model.empty() || provider.empty())
      continue;
    const v1::ActivitySums& sums = group.sums();
    Json json;
    json["date"] = iso_time_ms(group.at_ms()).substr(0, 10);
    json["model"] = model;
    json["model_permaslug"] = model;
    json["endpoint_id"] = provider + "/" + model;
    json["provider_name"] = provider;
    json["usage"] = to_usd(sums.cost_nano_usd());
    json["byok_usage_inference"] = 0;
    json["requests"] = sums.requests();
    json["prompt_tokens"] = sums.input_tokens() + sums.cache_read_tokens() + sums.cache_write_tokens();
    json["completion_tokens"] = sums.output_tokens();
    json["reasoning_tokens"] = 0;
    if (query.by_size() > 2)
      json["workspace_id"] = group.values_size() > 2 ? group.values(2) : "";
    json["cache_read_tokens"] = sums.cache_read_tokens();
    json["cache_write_tokens"] = sums.cache_write_tokens();
    json["failed"] = sums.failed();
    list.push_back(std::move(json));
  }
  Json json;
  json["data"] = std::move(list);
  return dump(json);
}

absl::StatusOr<v1::GenerationQuery> read_generation(std::string_view target) {
  v1::GenerationQuery query;
  for (const QueryParam& param : query_params(target)) {
    if (param.name == "id" && query.generation_id().empty())
      query.set_generation_id(param.value);
    else
      return invalid("expected one id and nothing else: /api/v1/generation?id=gen-...");
  }
  if (query.generation_id().empty())
    return invalid("id: give the generation's id, the x-generation-id of its response: /api/v1/generation?id=gen-...");
  return query;
}

std::string generation_json(const v1::ActivityRecord& record) {
  const v1::Usage& usage = record.usage();
  const bool web = starts_with_ignoring_case(record.app(), "http");
  Json data;
  data["id"] = record.generation_id();
  data["created_at"] = iso_time_ms(record.created_ms());
  data["model"] = record.model().empty() ? record.model_asked() : record.model();
  data["provider_name"] = text_or_null(record.provider());
  data["api_type"] = "completions";
  data["total_cost"] = to_usd(record.cost_nano_usd());
  data["usage"] = to_usd(record.cost_nano_usd());
  data["upstream_inference_cost"] = nullptr;
  data["cache_discount"] = nullptr;
  data["is_byok"] = false;
  data["streamed"] = record.streamed();
  data["cancelled"] = record.cancelled();
  data["finish_reason"] = finish_reason(record);
  data["native_finish_reason"] = text_or_null(record.finish_reason());
  for (const char* name : {"tokens_prompt", "native_tokens_prompt"})
    data[name] = prompt_tokens(usage);
  for (const char* name : {"tokens_completion", "native_tokens_completion"})
    data[name] = usage.output_tokens();
  data["native_tokens_cached"] = usage.cache_read_tokens();
  data["latency"] = record.first_token_ms() > 0 ? Json(record.first_token_ms()) : Json();
  data["generation_time"] = record.duration_ms();
  data["origin"] = record.app();
  data["http_referer"] = web ? Json(record.app()) : Json();
  data["user_agent"] = text_or_null(record.user_agent());
  data["upstream_id"] = text_or_null(record.upstream_id());
  data["request_id"] = record.generation_id();
  data["session_id"] = text_or_null(record.session_id());
  data["data_region"] = "global";
  data["workspace_id"] = text_or_null(record.workspace());
  data["num_search_results"] = usage.web_search_requests() > 0 ? Json(usage.web_search_requests()) : Json();
  data["num_fetches"] = usage.web_fetch_requests() > 0 ? Json(usage.web_fetch_requests()) : Json();
  data["service_tier"] = text_or_null(usage.service_tier());
  // What OpenRouter's schema demands and this gateway knows nothing of.
  for (const char* name : {"native_tokens_reasoning", "native_tokens_completion_images", "num_media_prompt",
                           "num_media_completion", "num_input_audio_prompt", "web_search_engine", "moderation_latency",
                           "app_id", "external_user", "preset_id", "router", "response_cache_source_id"})
    data[name] = nullptr;
  data["provider_responses"] = provider_responses(record);
  // Beyond OpenRouter.
  data["api_key_hash"] = record.key_id();
  data["status"] = record.status();
  data["error_type"] = text_or_null(record.error_type());
  data["usage_source"] = name_of(record.usage_source());
  data["cache_write_tokens"] = usage.cache_write_5m_tokens() + usage.cache_write_1h_tokens();
  Json json;
  json["data"] = std::move(data);
  return dump(json);
}

}  // namespace tollgate
