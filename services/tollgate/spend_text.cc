#include "services/tollgate/spend_text.h"

#include <fmt/format.h>

#include <vector>

#include "services/common/base/money.h"

namespace tollgate {
namespace {

// $5 daily
std::string limit_text(const v1::Limit& limit) {
  const char* reset = reset_name(limit.reset());
  const std::string amount = usd_text(limit.amount_nano_usd());
  return reset == nullptr ? amount : amount + " " + reset;
}

}  // namespace

void print_row(std::string_view name, const std::string& value) {
  fmt::print("{:<11}{}\n", name, value);
}

void print_limits(const LimitStates& limits) {
  if (limits.empty())
    print_row("limit", "none");
  for (const v1::LimitState& state : limits) {
    const std::string anew = state.has_resets_at_ms() ? ", anew at " + time_text(state.resets_at_ms()) : "";
    print_row("limit", fmt::format("{}: {} spent, {} left{}", limit_text(state.limit()),
                                   usd_text(state.spent_nano_usd()), usd_text(state.remaining_nano_usd()), anew));
  }
}

void print_spend(const v1::Spend& spend) {
  print_row("spent", fmt::format("{} ever, {} today, {} this week, {} this month", usd_text(spend.usage_nano_usd()),
                                 usd_text(spend.usage_daily_nano_usd()), usd_text(spend.usage_weekly_nano_usd()),
                                 usd_text(spend.usage_monthly_nano_usd())));
  print_row("held", usd_text(spend.held_nano_usd()));
}

std::string limits_text(const LimitStates& limits) {
  std::vector<std::string> texts;
  for (const v1::LimitState& state : limits)
    texts.push_back(fmt::format("{} of {}", usd_text(state.remaining_nano_usd()), limit_text(state.limit())));
  return texts.empty() ? "no limit" : fmt::format("{}", fmt::join(texts, ", "));
}

std::string usd_text(std::int64_t nano_usd) {
  return fmt::format("${}", format_usd(nano_usd));
}

std::string time_text(std::int64_t unix_ms) {
  return iso_time(unix_ms / 1000);
}

}  // namespace tollgate
