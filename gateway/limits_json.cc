#include "gateway/limits_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "services/common/base/money.h"

namespace tollgate {
namespace {

Json reset_json(v1::Reset reset) {
  const char* name = reset_name(reset);
  return name != nullptr ? Json(name) : Json();
}

}  // namespace

const char* reset_name(v1::Reset reset) {
  switch (reset) {
    case v1::RESET_DAILY:
      return "daily";
    case v1::RESET_WEEKLY:
      return "weekly";
    case v1::RESET_MONTHLY:
      return "monthly";
    default:
      return nullptr;
  }
}

const v1::LimitState* tightest(const LimitStates& limits) {
  const auto least = std::min_element(limits.begin(), limits.end(), [](const auto& a, const auto& b) {
    return a.remaining_nano_usd() < b.remaining_nano_usd();
  });
  return least == limits.end() ? nullptr : &*least;
}

void append_tightest(const LimitStates& limits, Json& json) {
  const v1::LimitState* state = tightest(limits);
  json["limit"] = state != nullptr ? Json(to_usd(state->limit().amount_nano_usd())) : Json();
  json["limit_remaining"] = state != nullptr ? Json(to_usd(state->remaining_nano_usd())) : Json();
  json["limit_reset"] = state != nullptr ? reset_json(state->limit().reset()) : Json();
}

void append_limits(const LimitStates& limits, Json& json) {
  Json list = Json::array();
  for (const v1::LimitState& state : limits) {
    Json entry;
    entry["limit"] = to_usd(state.limit().amount_nano_usd());
    entry["limit_reset"] = reset_json(state.limit().reset());
    entry["spent"] = to_usd(state.spent_nano_usd());
    entry["remaining"] = to_usd(state.remaining_nano_usd());
    entry["resets_at"] = time_json(state.resets_at_ms());
    list.push_back(std::move(entry));
  }
  json["limits"] = std::move(list);
}

void append_usage(const v1::Spend& spend, Json& json) {
  json["usage"] = to_usd(spend.usage_nano_usd());
  json["usage_daily"] = to_usd(spend.usage_daily_nano_usd());
  json["usage_weekly"] = to_usd(spend.usage_weekly_nano_usd());
  json["usage_monthly"] = to_usd(spend.usage_monthly_nano_usd());
  // Held by requests in flight, beside the settled usage.
  json["held"] = to_usd(spend.held_nano_usd());
}

Json hold_mode_json(v1::HoldMode mode) {
  switch (mode) {
    case v1::HOLD_MODE_STRICT:
      return "strict";
    case v1::HOLD_MODE_EXPECTED:
      return "expected";
    default:
      return nullptr;
  }
}

Json time_json(std::int64_t unix_ms) {
  return unix_ms == 0 ? Json() : Json(iso_time(unix_ms / 1000));
}

}  // namespace tollgate
