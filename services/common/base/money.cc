#include "services/common/base/money.h"

#include <fmt/format.h>

namespace tollgate {

absl::StatusOr<std::int64_t> parse_usd(std::string_view text) {
  const auto bad = [&](std::string_view why) {
    return absl::InvalidArgumentError(fmt::format("\"{}\" is not an amount in USD: {}", text, why));
  };
  const std::size_t dot = text.find('.');
  const std::string_view whole = text.substr(0, dot);
  const std::string_view part = dot == std::string_view::npos ? std::string_view() : text.substr(dot + 1);
  if (whole.empty() || (dot != std::string_view::npos && part.empty()))
    return bad("digits are missing");
  if (part.size() > 9)
    return bad("at most nine decimals");
  std::int64_t nano = 0;
  std::string digits(whole);
  digits.append(part).append(9 - part.size(), '0');
  for (char c : digits) {
    if (c < '0' || c > '9')
      return bad("write it like 20 or 0.5");
    nano = nano * 10 + (c - '0');
    if (nano > kMaxNanoUsd)
      return bad("at most 9007199");
  }
  return nano;
}

std::string format_usd(std::int64_t nano_usd) {
  const bool negative = nano_usd < 0;
  const auto absolute = negative ? -static_cast<std::uint64_t>(nano_usd) : static_cast<std::uint64_t>(nano_usd);
  std::string out = fmt::format("{}{}", negative ? "-" : "", absolute / kNanoPerUsd);
  std::string part = std::to_string(absolute % kNanoPerUsd);
  part.insert(0, 9 - part.size(), '0');
  part.erase(part.find_last_not_of('0') + 1);
  return part.empty() ? out : out + "." + part;
}

}  // namespace tollgate
