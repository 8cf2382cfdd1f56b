#include "services/budget/key_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/common/base/errors.h"
#include "services/common/base/money.h"

namespace tollgate {
namespace {

using testing::MatchesRegex;

TEST(KeyText, SecretsAreRandomAndMasked) {
  const std::string secret = new_secret();
  EXPECT_THAT(secret, MatchesRegex("sk-tg-v1-[0-9a-f]+"));
  EXPECT_EQ(secret.size(), 9U + 64);
  EXPECT_NE(secret, new_secret());
  EXPECT_EQ(mask_secret("sk-tg-v1-ab12" + std::string(56, 'e') + "cd34"), "sk-tg-v1-ab12...cd34");
  // What is no key is not shown in part either.
  for (const char* text : {"", "short", "sk-ant-api03-abcdefghijklmnopqrstuvwxyz", "sk-tg-v1-abcdefgh"})
    EXPECT_EQ(mask_secret(text), "...");
}

TEST(KeyText, NamesInRedis) {
  EXPECT_TRUE(is_key_hash(std::string(64, 'f')));
  for (const std::string& text : {std::string(), std::string(63, 'a'), std::string(65, 'a'), std::string(64, 'A'),
                                  std::string(64, 'g'), std::string(64, '}'), std::string(64, '\0')})
    EXPECT_FALSE(is_key_hash(text)) << text;
  for (const char* text : {"default", "a", "Team_1.x-y"})
    EXPECT_TRUE(is_workspace(text)) << text;
  for (const std::string& text : {std::string(), std::string("a b"), std::string("{a"), std::string("a}"),
                                  std::string("ü"), std::string(65, 'a')})
    EXPECT_FALSE(is_workspace(text)) << text;
  EXPECT_TRUE(is_generation_id("gen-1764000000-aB3"));
  for (const std::string& text : {std::string(), std::string("a b"), std::string("a\r\n"), std::string(129, 'a')})
    EXPECT_FALSE(is_generation_id(text)) << text;
}

TEST(KeyText, KeyNames) {
  std::string longest;
  for (int i = 0; i < 200; ++i)
    longest += "☕";
  for (const std::string& name : {std::string("x"), std::string("CI for \"web\""), longest})
    EXPECT_TRUE(check_name(name).ok()) << name;
  for (const std::string& name : {std::string(), longest + "x", std::string("a\tb"), std::string("a\x7f"),
                                  std::string("\xc3"), std::string(1, '\0')})
    EXPECT_EQ(failure_of(check_name(name)).kind(), v1::Failure::KIND_INVALID_REQUEST) << name;
}

TEST(KeyText, Amounts) {
  EXPECT_TRUE(check_amount("limit", 0).ok());
  EXPECT_TRUE(check_amount("limit", kMaxNanoUsd).ok());
  EXPECT_EQ(check_amount("limit", -kNanoPerUsd).message(), "limit: expected $0 to $9007199.254740992, got $-1");
  EXPECT_FALSE(check_amount("limit", kMaxNanoUsd + 1).ok());
}

TEST(KeyText, Times) {
  EXPECT_EQ(format_utc(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_utc(1795564800), "2026-11-25T00:00:00Z");
  EXPECT_EQ(format_utc(1835395199), "2028-02-28T23:59:59Z");
}

}  // namespace
}  // namespace tollgate
