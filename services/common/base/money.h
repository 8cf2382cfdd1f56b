// Money is integers: amounts in nano-USD (1e-9 USD), prices in micro-USD per million tokens. The two meet without a
// fraction: tokens x (micro-USD per million tokens) is pico-USD, a thousandth of a nano-USD.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace tollgate {

inline constexpr std::int64_t kNanoPerUsd = 1'000'000'000;

// 2^53 nano-USD, 9 million USD: the largest amount that a limit may have, since Redis' scripts compute in doubles.
inline constexpr std::int64_t kMaxNanoUsd = std::int64_t{1} << 53;

// "12.5" -> 12'500'000'000. At most nine decimals, no sign, no exponent, at most kMaxNanoUsd.
absl::StatusOr<std::int64_t> parse_usd(std::string_view text);

// Shortest exact decimal: 12'500'000'000 -> "12.5", 0 -> "0".
std::string format_usd(std::int64_t nano_usd);

// For JSON numbers, where clients expect USD as a decimal number. Never computed with.
inline double to_usd(std::int64_t nano_usd) {
  return static_cast<double>(nano_usd) / static_cast<double>(kNanoPerUsd);
}

}  // namespace tollgate
