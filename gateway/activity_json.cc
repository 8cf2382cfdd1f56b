#include "gateway/activity_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "gateway/activity_params.h"
#include "services/common/base/json_writer.h"
#include "services/common/base/money.h"

namespace tollgate {
namespace {

// What is not UTF-8 is replaced.
void write_text(std::string_view name, std::string_view text, JsonWriter& json) {
  json.raw_member(name, dump(Json(text)));
}

void write_cursor(const std::string& cursor, JsonWriter& json) {
  if (cursor.empty())
    json.key("cursor").null();
  else
    write_text("cursor", cursor, json);
}

void write_sums(const v1::ActivitySums& sums, JsonWriter& json) {
  const auto average = [&](std::string_view name, std::int64_t sum, std::int64_t count) {
    if (count > 0)
      json.member(name, to_tenths(static_cast<double>(sum) / static_cast<double>(count)));
    else
      json.key(name).null();
  };
  json.member("requests", sums.requests())
      .member("failed", sums.failed())
      .member("input_tokens", sums.input_tokens())
      .member("output_tokens", sums.output_tokens())
      .member("cache_read_tokens", sums.cache_read_tokens())
      .member("cache_write_tokens", sums.cache_write_tokens())
      .member("cost", to_usd(sums.cost_nano_usd()));
  average("first_token_ms", sums.first_token_ms(), sums.timed());
  average("duration_ms", sums.duration_ms(), sums.timed());
  const std::int64_t answering_ms = sums.timed() > 0 ? sums.duration_ms() - sums.first_token_ms() : 0;
  average("output_tokens_per_second", sums.output_tokens() * 1000, std::max<std::int64_t>(answering_ms, 0));
  json.member("failovers", sums.failovers());
}

}  // namespace

std::string record_json(const v1::ActivityRecord& record) {
  Json json;
  json["data"] = record_object(record);
  return dump(json);
}

std::string records_json(const v1::RecordsReply& reply) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("data").begin_array();
  for (const v1::ActivityRecord& record : reply.records())
    json.raw(dump(record_object(record)));
  json.end_array();
  write_cursor(reply.cursor(), json);
  json.end_object();
  return out;
}

std::string activity_json(const v1::ActivityQuery& query, const v1::ActivityReply& reply) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("data").begin_array();
  for (const v1::ActivityGroup& group : reply.groups()) {
    json.begin_object();
    if (group.at_ms() == 0)
      json.key("at").null();
    else
      json.member("at", iso_time_ms(group.at_ms()));
    json.key("by").begin_object();
    bool with_key = false;
    for (int i = 0; i < query.by_size() && i < group.values_size(); ++i) {
      write_text(name_of(query.by(i)), group.values(i), json);
      with_key |= query.by(i) == v1::DIMENSION_KEY;
    }
    json.end_object();
    if (with_key)
      write_text("key_name", group.key_name(), json);
    write_sums(group.sums(), json);
    json.end_object();
  }
  json.end_array().key("others");
  const auto write_object = [&json](const v1::ActivitySums& sums) {
    json.begin_object();
    write_sums(sums, json);
    json.end_object();
  };
  if (reply.has_others())
    write_object(reply.others());
  else
    json.null();
  json.key("total");
  write_object(reply.total());
  json.member("incomplete", reply.incomplete()).end_object();
  return out;
}

std::string sessions_json(const v1::SessionsReply& reply) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("data").begin_array();
  for (const v1::Session& session : reply.sessions()) {
    json.begin_object();
    write_text("id", session.id(), json);
    write_text("key_id", session.key_id(), json);
    write_text("key_name", session.key_name(), json);
    write_text("workspace", session.workspace(), json);
    json.member("first_at", iso_time_ms(session.first_ms())).member("last_at", iso_time_ms(session.last_ms()));
    write_sums(session.sums(), json);
    json.key("agents").begin_array();
    for (const v1::SessionAgent& agent : session.agents()) {
      json.begin_object();
      write_text("id", agent.id(), json);
      write_text("parent_id", agent.parent_id(), json);
      write_sums(agent.sums(), json);
      json.end_object();
    }
    json.end_array().end_object();
  }
  json.end_array();
  write_cursor(reply.cursor(), json);
  json.end_object();
  return out;
}

}  // namespace tollgate
