#include "gateway/activity_json.h"

#include <fmt/format.h>

#include <cmath>

#include <nlohmann/json.hpp>

#include "gateway/activity_params.h"
#include "services/common/base/money.h"

namespace tollgate {
namespace {

Json number_or_null(std::int64_t number) {
  return number > 0 ? Json(number) : Json();
}

// One decimal is more than any clock behind it deserves.
double rounded(double value) {
  return std::round(value * 10) / 10;
}

Json average(std::int64_t sum, std::int64_t count) {
  return count > 0 ? Json(rounded(static_cast<double>(sum) / static_cast<double>(count))) : Json();
}

Json page_json(Json data, const std::string& cursor) {
  Json json;
  json["data"] = std::move(data);
  json["cursor"] = cursor.empty() ? Json() : Json(cursor);
  return json;
}

Json usage_object(const v1::Usage& usage) {
  Json json;
  json["input_tokens"] = usage.input_tokens();
  json["output_tokens"] = usage.output_tokens();
  json["cache_read_tokens"] = usage.cache_read_tokens();
  json["cache_write_5m_tokens"] = usage.cache_write_5m_tokens();
  json["cache_write_1h_tokens"] = usage.cache_write_1h_tokens();
  json["web_search_requests"] = usage.web_search_requests();
  return json;
}

Json cost_parts_object(const v1::CostParts& parts) {
  Json json;
  json["input"] = to_usd(parts.input());
  json["output"] = to_usd(parts.output());
  json["cache_read"] = to_usd(parts.cache_read());
  json["cache_write"] = to_usd(parts.cache_write());
  json["tools"] = to_usd(parts.tools());
  return json;
}

Json attempts_array(const v1::ActivityRecord& record) {
  Json list = Json::array();
  for (const v1::AttemptRecord& attempt : record.attempts()) {
    Json json;
    json["provider"] = attempt.provider();
    json["model"] = attempt.model();
    json["status"] = attempt.status();
    json["kind"] = attempt.kind();
    json["latency_ms"] = attempt.latency_ms();
    list.push_back(std::move(json));
  }
  return list;
}

void append_sums(const v1::ActivitySums& sums, Json& json) {
  json["requests"] = sums.requests();
  json["failed"] = sums.failed();
  json["input_tokens"] = sums.input_tokens();
  json["output_tokens"] = sums.output_tokens();
  json["cache_read_tokens"] = sums.cache_read_tokens();
  json["cache_write_tokens"] = sums.cache_write_tokens();
  json["cost"] = to_usd(sums.cost_nano_usd());
  json["first_token_ms"] = average(sums.first_token_ms(), sums.timed());
  json["duration_ms"] = average(sums.duration_ms(), sums.timed());
  const std::int64_t answering_ms = sums.timed() > 0 ? sums.duration_ms() - sums.first_token_ms() : 0;
  json["output_tokens_per_second"] = answering_ms > 0 ? average(sums.output_tokens() * 1000, answering_ms) : Json();
  json["failovers"] = sums.failovers();
}

}  // namespace

std::string iso_time_ms(std::int64_t unix_ms) {
  std::string text = iso_time(unix_ms / 1000);
  text.pop_back();
  return fmt::format("{}.{:03}Z", text, unix_ms % 1000);
}

std::optional<double> output_tokens_per_second(const v1::ActivityRecord& record) {
  const std::int64_t answering_ms = record.duration_ms() - record.first_token_ms();
  if (!record.streamed() || record.first_token_ms() <= 0 || answering_ms <= 0 || record.usage().output_tokens() <= 0)
    return std::nullopt;
  return rounded(static_cast<double>(record.usage().output_tokens()) * 1000 / static_cast<double>(answering_ms));
}

std::string_view name_of(v1::UsageSource source) {
  switch (source) {
    case v1::USAGE_SOURCE_REPORTED:
      return "reported";
    case v1::USAGE_SOURCE_DRAINED:
      return "drained";
    case v1::USAGE_SOURCE_ESTIMATED:
      return "estimated";
    case v1::USAGE_SOURCE_LEASE_EXPIRED:
      return "lease_expired";
    default:
      return {};
  }
}

Json record_object(const v1::ActivityRecord& record) {
  Json json;
  json["generation_id"] = record.generation_id();
  json["created_at"] = iso_time_ms(record.created_ms());
  json["key_id"] = record.key_id();
  json["key_name"] = record.key_name();
  json["workspace"] = record.workspace();
  json["model_asked"] = record.model_asked();
  json["model"] = record.model();
  json["provider"] = record.provider();
  json["attempts"] = attempts_array(record);
  json["usage"] = usage_object(record.usage());
  json["usage_source"] = name_of(record.usage_source());
  json["cost"] = to_usd(record.cost_nano_usd());
  json["cost_parts"] = cost_parts_object(record.cost_parts());
  json["streamed"] = record.streamed();
  json["cancelled"] = record.cancelled();
  json["finish_reason"] = record.finish_reason();
  json["status"] = record.status();
  json["error_type"] = record.error_type();
  json["first_token_ms"] = number_or_null(record.first_token_ms());
  json["duration_ms"] = record.duration_ms();
  const std::optional<double> speed = output_tokens_per_second(record);
  json["output_tokens_per_second"] = speed ? Json(*speed) : Json();
  json["session_id"] = record.session_id();
  json["agent_id"] = record.agent_id();
  json["parent_agent_id"] = record.parent_agent_id();
  json["user_agent"] = record.user_agent();
  json["app"] = record.app();
  json["upstream_id"] = record.upstream_id();
  json["api"] = record.api();
  return json;
}

Json sums_object(const v1::ActivitySums& sums) {
  Json json;
  append_sums(sums, json);
  return json;
}

Json group_object(const v1::ActivityQuery& query, const v1::ActivityGroup& group) {
  Json json;
  json["at"] = group.at_ms() == 0 ? Json() : Json(iso_time_ms(group.at_ms()));
  Json by = Json::object();
  bool with_key = false;
  for (int i = 0; i < query.by_size() && i < group.values_size(); ++i) {
    by[std::string(name_of(query.by(i)))] = group.values(i);
    with_key |= query.by(i) == v1::DIMENSION_KEY;
  }
  json["by"] = std::move(by);
  if (with_key)
    json["key_name"] = group.key_name();
  append_sums(group.sums(), json);
  return json;
}

std::string record_json(const v1::ActivityRecord& record) {
  Json json;
  json["data"] = record_object(record);
  return dump(json);
}

std::string records_json(const v1::RecordsReply& reply) {
  Json list = Json::array();
  for (const v1::ActivityRecord& record : reply.records())
    list.push_back(record_object(record));
  return dump(page_json(std::move(list), reply.cursor()));
}

std::string activity_json(const v1::ActivityQuery& query, const v1::ActivityReply& reply) {
  Json list = Json::array();
  for (const v1::ActivityGroup& group : reply.groups())
    list.push_back(group_object(query, group));
  Json json;
  json["data"] = std::move(list);
  json["others"] = reply.has_others() ? sums_object(reply.others()) : Json();
  json["total"] = sums_object(reply.total());
  json["incomplete"] = reply.incomplete();
  return dump(json);
}

std::string sessions_json(const v1::SessionsReply& reply) {
  Json list = Json::array();
  for (const v1::Session& session : reply.sessions()) {
    Json json;
    json["id"] = session.id();
    json["key_id"] = session.key_id();
    json["key_name"] = session.key_name();
    json["workspace"] = session.workspace();
    json["first_at"] = iso_time_ms(session.first_ms());
    json["last_at"] = iso_time_ms(session.last_ms());
    append_sums(session.sums(), json);
    Json agents = Json::array();
    for (const v1::SessionAgent& agent : session.agents()) {
      Json own;
      own["id"] = agent.id();
      own["parent_id"] = agent.parent_id();
      append_sums(agent.sums(), own);
      agents.push_back(std::move(own));
    }
    json["agents"] = std::move(agents);
    list.push_back(std::move(json));
  }
  return dump(page_json(std::move(list), reply.cursor()));
}

}  // namespace tollgate
