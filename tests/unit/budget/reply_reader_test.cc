#include "services/budget/reply_reader.h"

#include <gtest/gtest.h>

namespace tollgate {
namespace {

RedisReply text(std::string value) {
  RedisReply reply;
  reply.type = RedisReply::Type::kString;
  reply.text = std::move(value);
  return reply;
}

RedisReply number(std::int64_t value) {
  RedisReply reply;
  reply.type = RedisReply::Type::kInteger;
  reply.integer = value;
  return reply;
}

RedisReply array(std::vector<RedisReply> elements) {
  RedisReply reply;
  reply.type = RedisReply::Type::kArray;
  reply.elements = std::move(elements);
  return reply;
}

TEST(ReplyReader, TakesElementsInOrder) {
  const RedisReply reply = array({text("a"), text("-9007199254740993"), number(7), RedisReply(), text("")});
  ReplyReader reader(reply);
  EXPECT_EQ(reader.text(), "a");
  EXPECT_EQ(reader.integer(), -9007199254740993);
  EXPECT_EQ(reader.integer(), 7);
  EXPECT_EQ(reader.optional_integer(), std::nullopt);
  EXPECT_EQ(reader.integer(), 0);
  EXPECT_FALSE(reader.failed());
  EXPECT_EQ(reader.text(), "");
  EXPECT_TRUE(reader.failed());
}

TEST(ReplyReader, WhatIsNoNumberFails) {
  for (const char* value : {"x", "1x", "1e+15", " 1", "99999999999999999999"}) {
    const RedisReply reply = array({text(value)});
    ReplyReader reader(reply);
    reader.integer();
    EXPECT_TRUE(reader.failed()) << value;
  }
}

TEST(Scripts, HaveTheSha1ThatRedisComputes) {
  const RedisScript script("one", "return 1");
  EXPECT_EQ(script.sha1(), "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
}

}  // namespace
}  // namespace tollgate
