#include "gateway/analytics.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "gateway/activity_json.h"
#include "gateway/activity_params.h"
#include "gateway/member_reader.h"
#include "services/common/base/errors.h"
#include "services/common/base/money.h"

namespace tollgate {
namespace {

using Kind = JsonValue::Kind;

constexpr std::int64_t kMostRows = 10'000;
constexpr std::size_t kMostValues = 100;

std::int64_t prompt_tokens(const v1::ActivitySums& sums) {
  return sums.input_tokens() + sums.cache_read_tokens() + sums.cache_write_tokens();
}

// Nothing where it cannot be said.
std::optional<double> ratio(std::int64_t part, std::int64_t whole) {
  return whole > 0 ? std::optional(static_cast<double>(part) / static_cast<double>(whole)) : std::nullopt;
}

std::optional<double> whole(std::int64_t number) {
  return static_cast<double>(number);
}

struct Metric {
  const char* name;
  const char* label;
  const char* format;
  bool is_rate;
  std::optional<double> (*value)(const v1::ActivitySums& sums);
};

using Sums = v1::ActivitySums;

constexpr Metric kMetrics[] = {
    {"request_count", "Requests", "number", false, [](const Sums& sums) { return whole(sums.requests()); }},
    {"error_count", "Failed requests", "number", false, [](const Sums& sums) { return whole(sums.failed()); }},
    {"error_rate", "Failure rate", "percent", true,
     [](const Sums& sums) { return ratio(sums.failed(), sums.requests()); }},
    {"total_usage", "Spend", "currency", false,
     [](const Sums& sums) { return std::optional(to_usd(sums.cost_nano_usd())); }},
    {"tokens_total", "Tokens", "number", false,
     [](const Sums& sums) { return whole(prompt_tokens(sums) + sums.output_tokens()); }},
    {"tokens_prompt", "Prompt tokens", "number", false, [](const Sums& sums) { return whole(prompt_tokens(sums)); }},
    {"tokens_completion", "Output tokens", "number", false,
     [](const Sums& sums) { return whole(sums.output_tokens()); }},
    {"tokens_cached", "Tokens read from a cache", "number", false,
     [](const Sums& sums) { return whole(sums.cache_read_tokens()); }},
    {"tokens_cache_write", "Tokens written to a cache", "number", false,
     [](const Sums& sums) { return whole(sums.cache_write_tokens()); }},
    {"cache_hit_rate", "Share of the prompt read from a cache", "percent", true,
     [](const Sums& sums) { return ratio(sums.cache_read_tokens(), prompt_tokens(sums)); }},
    {"latency", "Time to the first token (ms)", "latency", true,
     [](const Sums& sums) { return ratio(sums.first_token_ms(), sums.timed()); }},
    {"generation_time", "Time to the end (ms)", "latency", true,
     [](const Sums& sums) { return ratio(sums.duration_ms(), sums.timed()); }},
    {"throughput", "Output tokens a second", "throughput", true,
     [](const Sums& sums) {
       return ratio(sums.output_tokens() * 1000, sums.timed() > 0 ? sums.duration_ms() - sums.first_token_ms() : 0);
     }},
    {"failover_count", "Failovers", "number", false, [](const Sums& sums) { return whole(sums.failovers()); }},
};

struct DimensionName {
  const char* name;
  const char* label;
  v1::Dimension dimension;
};

constexpr DimensionName kDimensions[] = {
    {"model", "Model", v1::DIMENSION_MODEL},          {"provider", "Provider", v1::DIMENSION_PROVIDER},
    {"api_key_id", "Key", v1::DIMENSION_KEY},         {"workspace", "Workspace", v1::DIMENSION_WORKSPACE},
    {"session_id", "Session", v1::DIMENSION_SESSION}, {"status", "Status", v1::DIMENSION_STATUS},
};

template <class Named, std::size_t size>
std::string all_names(const Named (&list)[size]) {
  std::string all;
  for (const Named& entry : list)
    all.append(all.empty() ? "" : ", ").append(entry.name);
  return all;
}

template <class Named, std::size_t size>
const Named* find_named(const Named (&list)[size], std::string_view name) {
  const auto found =
      std::find_if(std::begin(list), std::end(list), [&](const Named& entry) { return entry.name == name; });
  return found == std::end(list) ? nullptr : found;
}

const char* name_of_dimension(int dimension) {
  const auto found = std::find_if(std::begin(kDimensions), std::end(kDimensions),
                                  [&](const DimensionName& entry) { return entry.dimension == dimension; });
  return found == std::end(kDimensions) ? "" : found->name;
}

google::protobuf::RepeatedPtrField<std::string>* filter_values(v1::ActivityFilter& filter, v1::Dimension dimension) {
  switch (dimension) {
    case v1::DIMENSION_KEY:
      return filter.mutable_keys();
    case v1::DIMENSION_WORKSPACE:
      return filter.mutable_workspaces();
    case v1::DIMENSION_MODEL:
      return filter.mutable_models();
    case v1::DIMENSION_PROVIDER:
      return filter.mutable_providers();
    case v1::DIMENSION_SESSION:
      return filter.mutable_sessions();
    default:
      return filter.mutable_statuses();
  }
}

void read_filter(const JsonValue& json, const std::string& path, MemberReader& all, v1::ActivityFilter& filter) {
  MemberReader reader(json, "a filter", path + ".");
  const std::string field = reader.text("field").value_or("");
  const std::string op = reader.text("operator").value_or("");
  reader.flag("include_unset");
  const JsonValue* value = reader.find("value");
  const DimensionName* dimension = find_named(kDimensions, field);
  if (dimension == nullptr)
    reader.fail("field", fmt::format("expected one of {}", all_names(kDimensions)));
  if (op != "eq" && op != "in")
    reader.fail("operator", "expected eq or in");
  const bool list = value != nullptr && value->kind == Kind::kArray;
  const std::vector<JsonValue> one = value != nullptr && !list ? std::vector{*value} : std::vector<JsonValue>();
  const std::vector<JsonValue>& values = list ? value->children : one;
  if (values.empty() || values.size() > kMostValues || list != (op == "in"))
    reader.fail("value", fmt::format("expected a text for eq, or a list of 1 to {} texts for in", kMostValues));
  auto* const into = dimension == nullptr ? nullptr : filter_values(filter, dimension->dimension);
  if (into != nullptr && !into->empty())
    reader.fail("field", "two filters of one field: give one with in");
  for (const JsonValue& entry : values) {
    const bool text = (entry.kind == Kind::kString || entry.kind == Kind::kNumber) && !entry.text.empty();
    const bool status = dimension == nullptr || dimension->dimension != v1::DIMENSION_STATUS;
    if (!text || !(status || is_status_filter(entry.text)))
      reader.fail("value", "expected texts, and for status 200, 429, ... or a class such as 4xx");
    else if (into != nullptr)
      *into->Add() = entry.text;
  }
  all.fail(reader.finish());
}

void read_time_range(const JsonValue& json, MemberReader& all, v1::ActivityFilter& filter) {
  MemberReader reader(json, "a time range", "time_range.");
  const auto start = parse_utc(reader.text("start").value_or(""));
  const auto end = parse_utc(reader.text("end").value_or(""));
  if (!start || !end || *start <= 0 || *start > *end)
    reader.fail("start", "expected start and, not before it, end, ISO 8601 in UTC such as 2026-11-24T10:00:00Z");
  filter.set_since_ms(start.value_or(0));
  filter.set_until_ms(end.value_or(0));
  all.fail(reader.finish());
}

// Each of `list` by `add`, which is false for a text that is unknown or stands twice.
template <class Add>
void read_names(const JsonValue* list, const char* name, const std::string& known, MemberReader& reader, Add add) {
  if (list == nullptr)
    return;
  bool good = list->kind == Kind::kArray;
  for (const JsonValue& entry : list->children)
    good = good && entry.kind == Kind::kString && add(entry.text);
  if (!good)
    reader.fail(name, fmt::format("expected a list of some of {}, each once", known));
}

struct Row {
  Json json;
  std::optional<double> number;
  std::string text;
};

}  // namespace

std::string analytics_meta_json() {
  Json data;
  data["dimensions"] = Json::array();
  for (const DimensionName& dimension : kDimensions)
    data["dimensions"].push_back({{"name", dimension.name}, {"display_label", dimension.label}});
  data["granularities"] = Json::array();
  data["granularities"].push_back({{"name", "hour"}, {"display_label", "Hour"}});
  data["granularities"].push_back({{"name", "day"}, {"display_label", "Day"}});
  data["metrics"] = Json::array();
  for (const Metric& metric : kMetrics)
    data["metrics"].push_back({{"name", metric.name},
                               {"display_label", metric.label},
                               {"display_format", metric.format},
                               {"is_rate", metric.is_rate}});
  data["operators"] = Json::array();
  data["operators"].push_back({{"name", "eq"}, {"value_type", "scalar"}});
  data["operators"].push_back({{"name", "in"}, {"value_type", "array"}});
  Json json;
  json["data"] = std::move(data);
  return dump(json);
}

absl::StatusOr<AnalyticsQuery> read_analytics(std::string_view body, std::int64_t now_ms) {
  const absl::StatusOr<JsonValue> json = parse_json(body);
  if (!json.ok())
    return json.status();
  if (json->kind != Kind::kObject)
    return error(v1::Failure::KIND_INVALID_REQUEST, "expected a JSON object with metrics");
  AnalyticsQuery query;
  v1::ActivityFilter& filter = *query.activity.mutable_filter();
  filter.set_until_ms(now_ms);
  MemberReader reader(*json, "a query");
  read_names(reader.find("metrics"), "metrics", all_names(kMetrics), reader, [&](const std::string& name) {
    const Metric* metric = find_named(kMetrics, name);
    const auto index = static_cast<std::size_t>(metric - std::begin(kMetrics));
    const bool twice = std::find(query.metrics.begin(), query.metrics.end(), index) != query.metrics.end();
    if (metric != nullptr && !twice)
      query.metrics.push_back(index);
    return metric != nullptr && !twice;
  });
  if (query.metrics.empty())
    reader.fail("metrics", fmt::format("expected a list of some of {}", all_names(kMetrics)));
  read_names(reader.find("dimensions"), "dimensions", all_names(kDimensions), reader, [&](const std::string& name) {
    const DimensionName* dimension = find_named(kDimensions, name);
    const auto& by = query.activity.by();
    if (dimension == nullptr || std::find(by.begin(), by.end(), dimension->dimension) != by.end())
      return false;
    query.activity.add_by(dimension->dimension);
    return true;
  });
  if (const auto granularity = reader.text("granularity")) {
    const absl::StatusOr<v1::Interval> interval = parse_interval(*granularity);
    if (interval.ok())
      query.activity.set_interval(*interval);
    else
      reader.fail("granularity", interval.status().message().data());
  }
  if (const JsonValue* filters = reader.find("filters")) {
    if (filters->kind != Kind::kArray)
      reader.fail("filters", "expected a list of filters");
    for (std::size_t i = 0; i < filters->children.size(); ++i)
      read_filter(filters->children[i], fmt::format("filters[{}]", i), reader, filter);
  }
  if (const JsonValue* range = reader.find("time_range"))
    read_time_range(*range, reader, filter);
  if (const auto limit = reader.count_or_null("limit"); limit && *limit > 0)
    query.limit = static_cast<std::size_t>(std::min(*limit, kMostRows));
  if (const auto limit = reader.count_or_null("group_limit"); limit && *limit > 0)
    query.group_limit = static_cast<std::size_t>(std::min(*limit, kMostRows));
  if (const JsonValue* order = reader.find("order_by")) {
    MemberReader inner(*order, "an order", "order_by.");
    query.order_by = inner.text("field").value_or("");
    const std::string direction = inner.text("direction").value_or("");
    query.descending = direction == "desc";
    bool known = query.order_by == "request_count" || query.order_by == "date";
    for (const std::size_t metric : query.metrics)
      known |= query.order_by == kMetrics[metric].name;
    for (const int dimension : query.activity.by())
      known |= query.order_by == name_of_dimension(dimension);
    if (!known)
      inner.fail("field", "expected one of the metrics or dimensions of the query, request_count or date");
    if (direction != "asc" && direction != "desc")
      inner.fail("direction", "expected asc or desc");
    reader.fail(inner.finish());
  }
  absl::Status wrong = reader.finish();
  if (!wrong.ok())
    return wrong;
  query.activity.set_limit(static_cast<std::uint32_t>(kMostRows));
  return query;
}

std::string analytics_json(const AnalyticsQuery& query, const v1::ActivityReply& reply, double query_time_ms) {
  const v1::ActivityQuery& activity = query.activity;
  const bool timed = activity.interval() != v1::INTERVAL_UNSPECIFIED;
  std::vector<Row> rows;
  std::map<std::vector<std::string>, std::size_t> in_group;
  bool truncated = reply.has_others() || reply.incomplete();
  for (const v1::ActivityGroup& group : reply.groups()) {
    const std::vector<std::string> values(group.values().begin(), group.values().end());
    if (query.group_limit > 0 && ++in_group[values] > query.group_limit) {
      truncated = true;
      continue;
    }
    Row row;
    if (timed)
      row.json["date"] = iso_time_ms(group.at_ms());
    if (query.order_by == "date")
      row.number = static_cast<double>(group.at_ms());
    for (int i = 0; i < activity.by_size() && i < group.values_size(); ++i) {
      const char* name = name_of_dimension(activity.by(i));
      row.json[name] = group.values(i);
      if (activity.by(i) == v1::DIMENSION_KEY)
        row.json["api_key_name"] = group.key_name();
      if (query.order_by == name)
        row.text = group.values(i);
    }
    for (const std::size_t metric : query.metrics) {
      const std::optional<double> value = kMetrics[metric].value(group.sums());
      const bool integer = value && !kMetrics[metric].is_rate && *value == static_cast<double>(std::int64_t(*value));
      row.json[kMetrics[metric].name] = !value ? Json() : integer ? Json(std::int64_t(*value)) : Json(*value);
    }
    if (const Metric* metric = find_named(kMetrics, query.order_by))
      row.number = metric->value(group.sums());
    rows.push_back(std::move(row));
  }
  if (!query.order_by.empty())
    std::stable_sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) {
      const auto less = [](const Row& x, const Row& y) {
        return x.number != y.number ? x.number < y.number : x.text < y.text;
      };
      return query.descending ? less(b, a) : less(a, b);
    });
  truncated |= rows.size() > query.limit;
  Json list = Json::array();
  for (std::size_t i = 0; i < rows.size() && i < query.limit; ++i)
    list.push_back(rows[i].json.is_null() ? Json::object() : std::move(rows[i].json));
  Json data;
  data["metadata"]["query_time_ms"] = query_time_ms;
  data["metadata"]["row_count"] = list.size();
  data["metadata"]["truncated"] = truncated;
  data["data"] = std::move(list);
  Json json;
  json["data"] = std::move(data);
  return dump(json);
}

}  // namespace tollgate
