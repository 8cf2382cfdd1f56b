#include "services/common/base/rates.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace tollgate {

std::vector<v1::Header> rate_headers(const v1::RateState& rate) {
  std::vector<v1::Header> headers;
  const char* unit = rate.unit() == v1::RateState::UNIT_TOKENS ? "tokens" : "requests";
  const auto add = [&](const char* what, std::string value) {
    v1::Header& header = headers.emplace_back();
    header.set_name(fmt::format("anthropic-ratelimit-{}-{}", unit, what));
    header.set_value(std::move(value));
  };
  add("limit", std::to_string(rate.limit()));
  add("remaining", std::to_string(rate.remaining()));
  // Whole seconds, not before the limit is whole again.
  add("reset",
      fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>((rate.resets_at_ms() + 999) / 1000))));
  return headers;
}

}  // namespace tollgate
