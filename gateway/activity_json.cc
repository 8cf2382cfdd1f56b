#include "gateway/activity_json.h"

#include <nlohmann/json.hpp>

#include "gateway/activity_params.h"
#include "services/common/base/money.h"

namespace tollgate {
namespace {

Json average(std::int64_t sum, std::int64_t count) {
  return count > 0 ? Json(to_tenths(static_cast<double>(sum) / static_cast<double>(count))) : Json();
}

Json page_json(Json data, const std::string& cursor) {
  Json json;
  json["data"] = std::move(data);
  json["cursor"] = cursor.empty() ? Json() : Json(cursor);
  return json;
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
