#include "services/tollgate/limit_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "services/common/base/money.h"

namespace tollgate {
namespace {

// By their numbers in the contract.
constexpr const char* kResets[] = {"none", "daily", "weekly", "monthly"};

std::optional<v1::Reset> reset_of(const std::string& name) {
  for (int reset = 0; reset < 4; ++reset) {
    if (name == kResets[reset])
      return static_cast<v1::Reset>(reset);
  }
  return std::nullopt;
}

absl::Status wrong(std::string why) {
  return absl::InvalidArgumentError("--limit: " + std::move(why));
}

}  // namespace

void add_limit_options(CLI::App& command, LimitOptions& options, const std::string& unset_mode) {
  command
      .add_option("--limit", options.limits,
                  "Spending limit in USD, such as 20 or 5/daily; may stand several times, each with another reset")
      ->allow_extra_args(false);
  command.add_option("--reset", options.reset, "When the one limit starts anew (UTC)")
      ->check(CLI::IsMember({"none", "daily", "weekly", "monthly"}));
  std::vector<std::string> modes = {"strict", "expected"};
  if (!unset_mode.empty())
    modes.push_back(unset_mode);
  command.add_option("--hold-mode", options.hold_mode, "How much of the limits a request in flight takes")
      ->check(CLI::IsMember(modes));
}

absl::StatusOr<std::optional<v1::Limits>> read_limits(const LimitOptions& options) {
  if (options.limits.empty()) {
    if (!options.reset.empty())
      return absl::InvalidArgumentError("--reset: there is no --limit that could start anew");
    return std::nullopt;
  }
  v1::Limits limits;
  if (options.limits == std::vector<std::string>{"none"} && options.reset.empty())
    return limits;
  for (const std::string& text : options.limits) {
    const auto slash = text.find('/');
    const absl::StatusOr<std::int64_t> amount = parse_usd(text.substr(0, slash));
    if (!amount.ok())
      return wrong(std::string(amount.status().message()));
    std::string name = slash == std::string::npos ? "none" : text.substr(slash + 1);
    if (!options.reset.empty()) {
      if (options.limits.size() > 1 || slash != std::string::npos)
        return absl::InvalidArgumentError(
            "--reset: is for one --limit; of several, write each as --limit 5/daily --limit 100/monthly");
      name = options.reset;
    }
    const std::optional<v1::Reset> reset = reset_of(name);
    if (!reset)
      return wrong(fmt::format("\"{}\" does not end in /daily, /weekly or /monthly", text));
    const auto alike = [&](const v1::Limit& other) { return other.reset() == *reset; };
    if (std::any_of(limits.limits().begin(), limits.limits().end(), alike))
      return wrong(fmt::format("there are two with the reset {}", name));
    v1::Limit* limit = limits.add_limits();
    limit->set_amount_nano_usd(*amount);
    limit->set_reset(*reset);
  }
  return limits;
}

std::optional<v1::HoldMode> read_hold_mode(const LimitOptions& options) {
  if (options.hold_mode.empty())
    return std::nullopt;
  if (options.hold_mode == "strict")
    return v1::HOLD_MODE_STRICT;
  return options.hold_mode == "expected" ? v1::HOLD_MODE_EXPECTED : v1::HOLD_MODE_UNSPECIFIED;
}

}  // namespace tollgate
