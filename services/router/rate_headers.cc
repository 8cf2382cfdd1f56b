#include "services/router/rate_headers.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <string_view>

namespace tollgate::router {
namespace {

// RFC 3339 in UTC, the next whole second.
std::string timestamp(std::int64_t unix_ms) {
  const auto seconds = static_cast<std::time_t>((unix_ms + 999) / 1000);
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(seconds));
}

void add(std::string_view unit, const v1::RateState& rate, std::vector<v1::Header>& headers) {
  const auto put = [&](std::string_view what, std::string value) {
    v1::Header& header = headers.emplace_back();
    header.set_name(fmt::format("anthropic-ratelimit-{}-{}", unit, what));
    header.set_value(std::move(value));
  };
  put("limit", std::to_string(rate.limit()));
  put("remaining", std::to_string(rate.remaining()));
  put("reset", timestamp(rate.resets_at_ms()));
}

}  // namespace

std::vector<v1::Header> rate_headers(const google::protobuf::RepeatedPtrField<v1::RateState>& rates) {
  std::vector<v1::Header> headers;
  for (const v1::RateState& rate : rates) {
    if (rate.unit() == v1::RateState::UNIT_REQUESTS)
      add("requests", rate, headers);
    else if (rate.unit() == v1::RateState::UNIT_TOKENS)
      add("tokens", rate, headers);
  }
  return headers;
}

}  // namespace tollgate::router
