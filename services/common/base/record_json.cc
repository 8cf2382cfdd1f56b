#include "services/common/base/record_json.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "services/common/base/money.h"

namespace tollgate {
namespace {

using Json = nlohmann::ordered_json;

Json attempts_array(const v1::ActivityRecord& record) {
  Json list = Json::array();
  for (const v1::AttemptRecord& attempt : record.attempts()) {
    list.push_back({{"provider", attempt.provider()},
                    {"model", attempt.model()},
                    {"status", attempt.status()},
                    {"kind", attempt.kind()},
                    {"latency_ms", attempt.latency_ms()}});
  }
  return list;
}

}  // namespace

std::string iso_time_ms(std::int64_t unix_ms) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(static_cast<std::time_t>(unix_ms / 1000)),
                     unix_ms % 1000);
}

double to_tenths(double value) {
  return std::round(value * 10) / 10;
}

std::optional<double> output_tokens_per_second(const v1::ActivityRecord& record) {
  const std::int64_t answering_ms = record.duration_ms() - record.first_token_ms();
  if (!record.streamed() || record.first_token_ms() <= 0 || answering_ms <= 0 || record.usage().output_tokens() <= 0)
    return std::nullopt;
  return to_tenths(static_cast<double>(record.usage().output_tokens()) * 1000 / static_cast<double>(answering_ms));
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
  const v1::Usage& usage = record.usage();
  const v1::CostParts& parts = record.cost_parts();
  const std::optional<double> speed = output_tokens_per_second(record);
  return {
      {"generation_id", record.generation_id()},
      {"created_at", iso_time_ms(record.created_ms())},
      {"key_id", record.key_id()},
      {"key_name", record.key_name()},
      {"workspace", record.workspace()},
      {"model_asked", record.model_asked()},
      {"model", record.model()},
      {"provider", record.provider()},
      {"attempts", attempts_array(record)},
      {"usage",
       {{"input_tokens", usage.input_tokens()},
        {"output_tokens", usage.output_tokens()},
        {"cache_read_tokens", usage.cache_read_tokens()},
        {"cache_write_5m_tokens", usage.cache_write_5m_tokens()},
        {"cache_write_1h_tokens", usage.cache_write_1h_tokens()},
        {"web_search_requests", usage.web_search_requests()}}},
      {"usage_source", name_of(record.usage_source())},
      {"cost", to_usd(record.cost_nano_usd())},
      {"cost_parts",
       {{"input", to_usd(parts.input())},
        {"output", to_usd(parts.output())},
        {"cache_read", to_usd(parts.cache_read())},
        {"cache_write", to_usd(parts.cache_write())},
        {"tools", to_usd(parts.tools())}}},
      {"streamed", record.streamed()},
      {"cancelled", record.cancelled()},
      {"finish_reason", record.finish_reason()},
      {"status", record.status()},
      {"error_type", record.error_type()},
      {"first_token_ms", record.first_token_ms() > 0 ? Json(record.first_token_ms()) : Json()},
      {"duration_ms", record.duration_ms()},
      {"output_tokens_per_second", speed ? Json(*speed) : Json()},
      {"session_id", record.session_id()},
      {"agent_id", record.agent_id()},
      {"parent_agent_id", record.parent_agent_id()},
      {"user_agent", record.user_agent()},
      {"app", record.app()},
      {"upstream_id", record.upstream_id()},
      {"api", record.api()},
  };
}

std::string record_line(const v1::ActivityRecord& record) {
  return record_object(record).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace tollgate
