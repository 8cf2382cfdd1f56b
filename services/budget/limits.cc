#include "services/budget/limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "services/budget/key_text.h"
#include "services/common/base/errors.h"

namespace tollgate {
namespace {

// By v1::Reset.
using Amounts = std::array<std::optional<std::int64_t>, 4>;
constexpr std::array<const char*, 4> kResetNames = {"none", "daily", "weekly", "monthly"};

Amounts parse(std::string_view text) {
  Amounts amounts;
  std::size_t reset = 0;
  while (!text.empty() && reset < amounts.size()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    std::int64_t amount = 0;
    if (std::from_chars(text.data(), text.data() + end, amount).ec == std::errc())
      amounts[reset] = amount;
    ++reset;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return amounts;
}

}  // namespace

absl::Status check_limits(const v1::Limits& limits) {
  Amounts seen;
  for (const v1::Limit& limit : limits.limits()) {
    if (!v1::Reset_IsValid(limit.reset())) {
      return error(
          v1::Failure::KIND_INVALID_REQUEST,
          fmt::format("limit_reset: expected none, daily, weekly or monthly, got {}", static_cast<int>(limit.reset())));
    }
    if (absl::Status status = check_amount("limit", limit.amount_nano_usd()); !status.ok())
      return status;
    std::optional<std::int64_t>& slot = seen[limit.reset()];
    if (slot) {
      return error(v1::Failure::KIND_INVALID_REQUEST,
                   fmt::format("limits: expected one limit of each reset at most, got two with reset {}",
                               kResetNames[limit.reset()]));
    }
    slot = limit.amount_nano_usd();
  }
  return absl::OkStatus();
}

absl::Status check_hold_mode(v1::HoldMode mode) {
  if (v1::HoldMode_IsValid(mode))
    return absl::OkStatus();
  return error(v1::Failure::KIND_INVALID_REQUEST,
               fmt::format("hold_mode: expected strict or expected, got {}", static_cast<int>(mode)));
}

std::string limits_text(const v1::Limits& limits) {
  if (limits.limits().empty())
    return "";
  std::array<std::string, 4> amounts = {"-", "-", "-", "-"};
  for (const v1::Limit& limit : limits.limits())
    amounts[limit.reset()] = std::to_string(limit.amount_nano_usd());
  return fmt::format("{} {} {} {}", amounts[0], amounts[1], amounts[2], amounts[3]);
}

void read_spend(ReplyReader& view, v1::Spend& spend, google::protobuf::RepeatedPtrField<v1::LimitState>& limits) {
  spend.set_held_nano_usd(view.integer());
  spend.set_usage_nano_usd(view.integer());
  spend.set_usage_daily_nano_usd(view.integer());
  spend.set_usage_weekly_nano_usd(view.integer());
  spend.set_usage_monthly_nano_usd(view.integer());
  const Amounts amounts = parse(view.text());
  const std::array<std::int64_t, 4> spent = {spend.usage_nano_usd(), spend.usage_daily_nano_usd(),
                                             spend.usage_weekly_nano_usd(), spend.usage_monthly_nano_usd()};
  std::array<std::int64_t, 4> ends{};
  for (int reset = v1::RESET_DAILY; reset <= v1::RESET_MONTHLY; ++reset)
    ends[reset] = view.integer();
  for (int reset = v1::RESET_NONE; reset <= v1::RESET_MONTHLY; ++reset) {
    if (!amounts[reset])
      continue;
    v1::LimitState& state = *limits.Add();
    state.mutable_limit()->set_reset(static_cast<v1::Reset>(reset));
    state.mutable_limit()->set_amount_nano_usd(*amounts[reset]);
    state.set_spent_nano_usd(spent[reset]);
    state.set_remaining_nano_usd(std::max<std::int64_t>(0, *amounts[reset] - spent[reset] - spend.held_nano_usd()));
    if (reset != v1::RESET_NONE)
      state.set_resets_at_ms(ends[reset] * 1000);
  }
}

}  // namespace tollgate
