#include "services/budget/refusals.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "services/budget/key_text.h"
#include "services/common/base/errors.h"
#include "services/common/base/money.h"
#include "services/common/base/rates.h"

namespace tollgate {
namespace {

// Requests of agents end within seconds to a minute; a client that asks this often does no harm.
constexpr int kRetryHeldSeconds = 5;
constexpr std::int64_t kPicoPerNano = 1000;

std::string_view adjective(v1::Reset reset) {
  switch (reset) {
    case v1::RESET_DAILY:
      return " (daily)";
    case v1::RESET_WEEKLY:
      return " (weekly)";
    case v1::RESET_MONTHLY:
      return " (monthly)";
    default:
      return "";
  }
}

std::string describe(const SpentLimit& spent, const v1::ReserveRequest& request) {
  std::string out = fmt::format("Spending limit reached for {} \"{}\": ${} of ${}{} spent", spent.scope, spent.name,
                                format_usd(spent.spent), format_usd(spent.limit), adjective(spent.reset));
  if (spent.held > 0)
    out += fmt::format(", ${} held by requests in flight", format_usd(spent.held));
  out += fmt::format(", this request needs {} ${}.", spent.expected ? "about" : "up to", format_usd(spent.needed));
  if (const auto fitting = fitting_max_tokens(spent, request))
    out += fmt::format(" It would fit now with max_tokens of at most {}.", *fitting);
  if (spent.passing)
    out += " It may fit when requests in flight have ended: try again shortly.";
  else if (spent.reset == v1::RESET_NONE)
    out += " The limit does not reset: raise it to go on.";
  else
    out += fmt::format(" The limit resets at {}.", format_utc(spent.resets_at));
  return out;
}

}  // namespace

std::optional<std::int64_t> fitting_max_tokens(const SpentLimit& spent, const v1::ReserveRequest& request) {
  std::int64_t fitting = std::numeric_limits<std::int64_t>::max();
  std::int64_t longest = 0;
  for (const v1::CostBound& bound : request.bounds()) {
    const std::int64_t input = spent.expected ? bound.expected_input_nano_usd() : bound.input_nano_usd();
    if (input > spent.left)
      return std::nullopt;
    if (bound.output_price() > 0)
      fitting = std::min(fitting, (spent.left - input) * kPicoPerNano / bound.output_price());
    longest = std::max(longest, bound.max_output_tokens());
  }
  if (fitting < 1 || fitting >= longest)
    return std::nullopt;
  return fitting;
}

v1::Failure budget_failure(const SpentLimit& spent, const v1::ReserveRequest& request) {
  v1::Failure failure = make_failure(v1::Failure::KIND_BUDGET, describe(spent, request));
  if (spent.passing) {
    for (v1::Header& header : *failure.mutable_headers()) {
      if (header.name() == "x-should-retry")
        header.set_value("true");
    }
    add_header(failure, "retry-after", std::to_string(kRetryHeldSeconds));
    failure.set_retry_after_ms(kRetryHeldSeconds * 1000);
  }
  return failure;
}

v1::Failure rate_failure(std::string_view key_name, const v1::RateState& rate, std::int64_t retry_after_ms) {
  const std::int64_t seconds = std::max<std::int64_t>(1, (retry_after_ms + 999) / 1000);
  v1::Failure failure = make_failure(
      v1::Failure::KIND_RATE_LIMITED,
      fmt::format("Rate limit reached for key \"{}\": {} {} per minute. Try again in {} s.", key_name, rate.limit(),
                  rate.unit() == v1::RateState::UNIT_TOKENS ? "tokens" : "requests", seconds));
  add_header(failure, "retry-after", std::to_string(seconds));
  failure.set_retry_after_ms(static_cast<std::uint64_t>(retry_after_ms));
  for (v1::Header& header : rate_headers(rate))
    failure.mutable_headers()->Add(std::move(header));
  return failure;
}

}  // namespace tollgate
