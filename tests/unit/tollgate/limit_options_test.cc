#include "services/tollgate/limit_options.h"

#include <google/protobuf/text_format.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

namespace tollgate {
namespace {

// As a command line would.
LimitOptions parse(std::vector<std::string> arguments, const std::string& unset_mode = "workspace") {
  CLI::App app;
  LimitOptions options;
  std::string rest;
  add_limit_options(app, options, unset_mode);
  app.add_option("rest", rest);
  std::reverse(arguments.begin(), arguments.end());
  app.parse(arguments);
  return options;
}

TEST(LimitOptions, Limits) {
  struct Row {
    std::vector<std::string> arguments;
    std::string expected;
  };
  const std::vector<Row> rows = {
      {{"--limit", "20"}, "limits { amount_nano_usd: 20000000000 }"},
      {{"--limit", "20", "--reset", "none"}, "limits { amount_nano_usd: 20000000000 }"},
      {{"--reset", "daily", "--limit", "0.5"}, "limits { amount_nano_usd: 500000000 reset: RESET_DAILY }"},
      {{"--limit=20/weekly"}, "limits { amount_nano_usd: 20000000000 reset: RESET_WEEKLY }"},
      {{"--limit", "5/daily", "--limit", "100/monthly", "--limit", "0.000000001"},
       "limits { amount_nano_usd: 5000000000 reset: RESET_DAILY }"
       "limits { amount_nano_usd: 100000000000 reset: RESET_MONTHLY } limits { amount_nano_usd: 1 }"},
      {{"--limit", "0"}, "limits {}"},
      {{"--limit", "none"}, ""},
      // What follows a value is no further value.
      {{"--limit", "20", "ci"}, "limits { amount_nano_usd: 20000000000 }"},
  };
  for (const Row& row : rows) {
    const auto limits = read_limits(parse(row.arguments));
    ASSERT_TRUE(limits.ok()) << limits.status();
    ASSERT_TRUE(limits->has_value()) << row.expected;
    v1::Limits expected;
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(row.expected, &expected));
    EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equivalent(**limits, expected))
        << (*limits)->DebugString() << row.expected;
  }
  const auto nothing = read_limits(parse({}));
  ASSERT_TRUE(nothing.ok());
  EXPECT_FALSE(nothing->has_value());
}

TEST(LimitOptions, WhatIsWrongIsNamed) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> rows = {
      {{"--limit", "x"}, "--limit: \"x\" is not an amount in USD"},
      {{"--limit", "-5"}, "--limit: \"-5\" is not an amount in USD"},
      {{"--limit", "1e3"}, "--limit: \"1e3\" is not an amount in USD"},
      {{"--limit", ""}, "--limit: \"\" is not an amount in USD"},
      {{"--limit", "/daily"}, "--limit: \"\" is not an amount in USD"},
      {{"--limit", "5/"}, "--limit: \"5/\" does not end in /daily, /weekly or /monthly"},
      {{"--limit", "5/yearly"}, "--limit: \"5/yearly\" does not end in"},
      {{"--limit", "5/daily/weekly"}, "--limit: \"5/daily/weekly\" does not end in"},
      {{"--limit", "5/daily", "--limit", "6/daily"}, "--limit: there are two with the reset daily"},
      {{"--limit", "5", "--limit", "6"}, "--limit: there are two with the reset none"},
      {{"--limit", "5", "--limit", "none"}, "--limit: \"none\" is not an amount in USD"},
      {{"--reset", "daily"}, "--reset: there is no --limit that could start anew"},
      {{"--limit", "none", "--reset", "daily"}, "--limit: \"none\" is not an amount in USD"},
      {{"--limit", "5/daily", "--reset", "weekly"}, "--reset: is for one --limit"},
      {{"--limit", "5", "--limit", "6/daily", "--reset", "weekly"}, "--reset: is for one --limit"},
  };
  for (const auto& [arguments, message] : rows) {
    const auto limits = read_limits(parse(arguments));
    ASSERT_FALSE(limits.ok()) << message;
    EXPECT_TRUE(std::string(limits.status().message()).starts_with(message)) << limits.status();
  }
  EXPECT_THROW(parse({"--limit", "5", "--reset", "yearly"}), CLI::ParseError);
}

TEST(LimitOptions, HoldModes) {
  EXPECT_EQ(read_hold_mode(parse({})), std::nullopt);
  EXPECT_EQ(read_hold_mode(parse({"--hold-mode", "strict"})), v1::HOLD_MODE_STRICT);
  EXPECT_EQ(read_hold_mode(parse({"--hold-mode", "expected"})), v1::HOLD_MODE_EXPECTED);
  EXPECT_EQ(read_hold_mode(parse({"--hold-mode", "workspace"})), v1::HOLD_MODE_UNSPECIFIED);
  EXPECT_THROW(parse({"--hold-mode", "workspace"}, ""), CLI::ParseError);
  EXPECT_THROW(parse({"--hold-mode", "loose"}), CLI::ParseError);
}

}  // namespace
}  // namespace tollgate
