#include "services/common/base/money.h"

#include <gtest/gtest.h>

namespace tollgate {
namespace {

TEST(Money, ParsesUsdExactly) {
  const std::pair<const char*, std::int64_t> cases[] = {
      {"0", 0},
      {"1", 1'000'000'000},
      {"12.5", 12'500'000'000},
      {"0.000000001", 1},
      {"0.1", 100'000'000},
      {"9007199.254740992", kMaxNanoUsd},
      {"007", 7'000'000'000},
  };
  for (const auto& [text, nano] : cases) {
    const auto parsed = parse_usd(text);
    ASSERT_TRUE(parsed.ok()) << text << ": " << parsed.status();
    EXPECT_EQ(*parsed, nano) << text;
  }
}

TEST(Money, RefusesWhatIsNoAmount) {
  for (const char* text : {"", ".", "1.", ".5", "-1", "+1", "1e3", "1,5", "0.0000000001", "9007199.254740993",
                           "99999999999999999999", "nan", " 1", "1 "}) {
    const auto parsed = parse_usd(text);
    EXPECT_FALSE(parsed.ok()) << text;
    EXPECT_NE(parsed.status().message().find(text), std::string::npos) << parsed.status();
  }
}

TEST(Money, FormatsTheShortestExactDecimal) {
  const std::pair<std::int64_t, const char*> cases[] = {
      {0, "0"},
      {1, "0.000000001"},
      {12'500'000'000, "12.5"},
      {-1'500'000'000, "-1.5"},
      {100'000'000, "0.1"},
      {1'000'000'000, "1"},
      {kMaxNanoUsd, "9007199.254740992"},
  };
  for (const auto& [nano, text] : cases)
    EXPECT_EQ(format_usd(nano), text);
}

TEST(Money, WhatIsFormattedParsesBack) {
  for (std::int64_t nano = 1; nano < kMaxNanoUsd; nano = nano * 7 + 3)
    EXPECT_EQ(parse_usd(format_usd(nano)).value(), nano);
}

}  // namespace
}  // namespace tollgate
