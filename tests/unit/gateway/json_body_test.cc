#include "gateway/json_body.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "services/common/base/money.h"

namespace tollgate {
namespace {

using Kind = JsonValue::Kind;

std::string numeral(const std::string& written) {
  const auto value = parse_json(written);
  return value.ok() ? value->text : std::string(value.status().message());
}

TEST(JsonBody, KeepsNumbersAsTheyAreWritten) {
  for (const std::string text : {"0", "12", "-3", "0.1", "1e-9", "1E2", "0.000000001", "9007199.254740991",
                                 "20.000000000000000000000001", "123456789012345678901234567890", "1.50"})
    EXPECT_EQ(numeral(text), text);
}

TEST(JsonBody, Trees) {
  const auto value = parse_json(R"( {"a": [1, "x", null, true, {"b": {}}], "a.b": "\u00e9\"", "": []} )");
  ASSERT_TRUE(value.ok()) << value.status();
  ASSERT_EQ(value->children.size(), 3u);
  const JsonValue& list = value->children[0];
  EXPECT_EQ(list.name, "a");
  ASSERT_EQ(list.children.size(), 5u);
  EXPECT_EQ(list.children[0].kind, Kind::kNumber);
  EXPECT_EQ(list.children[1].text, "x");
  EXPECT_EQ(list.children[2].kind, Kind::kNull);
  EXPECT_TRUE(list.children[3].boolean);
  EXPECT_EQ(list.children[4].children[0].name, "b");
  EXPECT_EQ(list.children[4].children[0].kind, Kind::kObject);
  EXPECT_EQ(value->children[1].name, "a.b");
  EXPECT_EQ(value->children[1].text, "é\"");
  EXPECT_EQ(value->children[2].kind, Kind::kArray);
}

TEST(JsonBody, WhatIsNotJson) {
  const std::vector<std::string> bodies = {"",
                                           " ",
                                           "{",
                                           "{}}",
                                           "{} {}",
                                           "{'a':1}",
                                           "{a:1}",
                                           "{\"a\":1,}",
                                           "[1,]",
                                           "// x\n{}",
                                           "/**/{}",
                                           "{\"a\":01}",
                                           "{\"a\":.5}",
                                           "{\"a\":5.}",
                                           "{\"a\":+5}",
                                           "{\"a\":0x10}",
                                           "{\"a\":NaN}",
                                           "{\"a\":Infinity}",
                                           "{\"a\":-Infinity}",
                                           "{\"a\":1e999}",
                                           "{\"a\":\"\xff\"}",
                                           "{\"a\":\"\n\"}",
                                           "\"\\ud800\"",
                                           std::string("{}\0", 3),
                                           "name=x&limit=5"};
  for (const std::string& body : bodies) {
    const auto value = parse_json(body);
    EXPECT_EQ(value.status().code(), absl::StatusCode::kInvalidArgument) << body;
  }
}

TEST(JsonBody, NothingStandsTwice) {
  for (const std::string body :
       {R"({"limit":1,"limit":2})", R"({"limit":1,"x":3,"\u006cimit":2})", R"({"x":[{"limit":1,"limit":1}]})"}) {
    const auto value = parse_json(body);
    ASSERT_FALSE(value.ok()) << body;
    EXPECT_EQ(value.status().message(), "The member \"limit\" stands twice in the request body.");
  }
  EXPECT_TRUE(parse_json(R"({"limit":1,"x":{"limit":1},"y":[{"limit":1},{"limit":1}]})").ok());
}

TEST(JsonBody, WidthIsLimited) {
  std::string wide = "{\"a\":1";
  for (int i = 1; i < 256; ++i)
    wide += ",\"a" + std::to_string(i) + "\":1";
  EXPECT_TRUE(parse_json(wide + "}").ok());
  EXPECT_FALSE(parse_json(wide + ",\"b\":1}").ok());
}

TEST(JsonBody, DepthIsLimited) {
  EXPECT_TRUE(parse_json(std::string(8, '[') + std::string(8, ']')).ok());
  EXPECT_FALSE(parse_json(std::string(9, '[') + std::string(9, ']')).ok());
  EXPECT_FALSE(parse_json(std::string(65536, '[')).ok());
  std::string objects;
  for (int i = 0; i < 10000; ++i)
    objects += "{\"a\":";
  EXPECT_FALSE(parse_json(objects).ok());
}

TEST(JsonBody, AmountsAreExact) {
  const std::vector<std::pair<std::string, std::int64_t>> rows = {
      {"0", 0},
      {"-0", 0},
      {"-0.000", 0},
      {"0e999", 0},
      {"0.1", 100'000'000},
      {"0.3", 300'000'000},
      {"0.000000001", 1},
      {"1e-9", 1},
      {"1E-9", 1},
      {"10e-10", 1},
      {"0.00000000100000000000000000000", 1},
      {"1E2", 100'000'000'000},
      {"1e+2", 100'000'000'000},
      {"1.5e0", 1'500'000'000},
      {"0.015E3", 15'000'000'000},
      {"1e-000000000000000000009", 1},
      {"20", 20'000'000'000},
      {"100000000e-8", 1'000'000'000},
      {"12.345678901", 12'345'678'901},
      {"4503599.627370497", 4'503'599'627'370'497},
      {"9007199.254740991", 9'007'199'254'740'991},
      {"9007199.254740992", 9'007'199'254'740'992},
      {"9.007199254740991e6", 9'007'199'254'740'991},
  };
  for (const auto& [text, nano] : rows)
    EXPECT_EQ(scaled(text, 9, kMaxNanoUsd), nano) << text;
}

TEST(JsonBody, WhatIsNoAmount) {
  for (const std::string text :
       {"-1", "-1e-9", "-1e-99", "0.0000000001", "1e-10", "1.0000000001", "0.12345678901", "1e-99999999999999999999",
        "9007199.254740993", "9007200", "1e7", "1e99999999999999999999", "123456789012345678901234567890",
        "9223372036854775808", "99999999999999999999e-12"})
    EXPECT_EQ(scaled(text, 9, kMaxNanoUsd), std::nullopt) << text;
}

TEST(JsonBody, WholeNumbers) {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(scaled("60", 0, most), 60);
  EXPECT_EQ(scaled("6e1", 0, most), 60);
  EXPECT_EQ(scaled("60.0", 0, most), 60);
  EXPECT_EQ(scaled("9223372036854775807", 0, most), most);
  EXPECT_EQ(scaled("9223372036854775808", 0, most), std::nullopt);
  EXPECT_EQ(scaled("0.5", 0, most), std::nullopt);
}

TEST(JsonBody, ValuesInShort) {
  EXPECT_EQ(in_short(*parse_json("null")), "null");
  EXPECT_EQ(in_short(*parse_json("false")), "false");
  EXPECT_EQ(in_short(*parse_json("-1e2")), "-1e2");
  EXPECT_EQ(in_short(*parse_json("\"x\"")), "\"x\"");
  EXPECT_EQ(in_short(*parse_json("[]")), "[]");
  EXPECT_EQ(in_short(*parse_json("[1]")), "an array");
  EXPECT_EQ(in_short(*parse_json("{}")), "an object");
  EXPECT_LT(in_short(*parse_json(fmt::format("\"{:x>1000}\"", ""))).size(), 80u);
  EXPECT_LT(in_short(*parse_json(fmt::format("1.{:1>1000}", ""))).size(), 80u);
}

}  // namespace
}  // namespace tollgate
