#include "gateway/provider_health.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "gateway/activity_json.h"

namespace tollgate {
namespace {

// As long as the router keeps an endpoint at the bottom.
constexpr std::int64_t kOutageMs = 30'000;

bool shown_in(const google::protobuf::RepeatedPtrField<std::string>& list, const std::string& name) {
  return list.empty() || std::find(list.begin(), list.end(), name) != list.end();
}

// What the endpoint is to blame for, and not the request.
bool is_outage(const std::string& kind) {
  return kind == "overloaded" || kind == "unavailable" || kind == "timeout" || kind == "rate_limited" ||
         kind == "upstream_auth";
}

// Nearest rank; null of none.
Json percentile(std::vector<double> values, double part) {
  if (values.empty())
    return nullptr;
  const auto rank = static_cast<std::ptrdiff_t>(part * static_cast<double>(values.size() - 1) + 0.5);
  std::nth_element(values.begin(), values.begin() + rank, values.end());
  return values[static_cast<std::size_t>(rank)];
}

}  // namespace

void ProviderHealth::add(const v1::ActivityRecord& record) {
  const std::int64_t ended_ms = record.created_ms() + record.duration_ms();
  for (const v1::AttemptRecord& attempt : record.attempts()) {
    Endpoint& endpoint = endpoints_[{attempt.model(), attempt.provider()}];
    ++endpoint.attempts;
    if (attempt.kind() == "ok")
      continue;
    ++endpoint.failed;
    endpoint.outage |= is_outage(attempt.kind()) && ended_ms >= now_ms_ - kOutageMs;
  }
  if (record.status() >= 400 || record.provider().empty())
    return;
  Endpoint& endpoint = endpoints_[{record.model(), record.provider()}];
  // Only one that nothing was tried before waited for this endpoint alone.
  if (record.streamed() && record.first_token_ms() > 0 && record.attempts_size() <= 1)
    endpoint.first_token_ms.push_back(static_cast<double>(record.first_token_ms()));
  if (const std::optional<double> speed = output_tokens_per_second(record))
    endpoint.tokens_per_second.push_back(*speed);
}

std::string ProviderHealth::json(const v1::ActivityFilter& shown, std::int64_t since_ms, bool sampled) const {
  Json list = Json::array();
  for (const auto& [name, endpoint] : endpoints_) {
    if (!shown_in(shown.models(), name.first) || !shown_in(shown.providers(), name.second))
      continue;
    Json json;
    json["model"] = name.first;
    json["provider"] = name.second;
    json["outage"] = endpoint.outage;
    json["requests"] = endpoint.attempts;
    json["failed"] = endpoint.failed;
    json["first_token_ms_p50"] = percentile(endpoint.first_token_ms, 0.5);
    json["first_token_ms_p90"] = percentile(endpoint.first_token_ms, 0.9);
    json["output_tokens_per_second_p50"] = percentile(endpoint.tokens_per_second, 0.5);
    list.push_back(std::move(json));
  }
  Json json;
  json["data"] = std::move(list);
  json["since"] = iso_time_ms(since_ms);
  json["sampled"] = sampled;
  return dump(json);
}

}  // namespace tollgate
