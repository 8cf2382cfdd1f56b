#include "services/common/redis/slots.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tollgate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Type = RedisReply::Type;

RedisReply integer(std::int64_t value) {
  RedisReply reply;
  reply.type = Type::kInteger;
  reply.integer = value;
  return reply;
}

RedisReply text(std::string value, Type type = Type::kString) {
  RedisReply reply;
  reply.type = type;
  reply.text = std::move(value);
  return reply;
}

RedisReply array(std::vector<RedisReply> elements) {
  RedisReply reply;
  reply.type = Type::kArray;
  reply.elements = std::move(elements);
  return reply;
}

RedisReply node(std::string host, std::int64_t port) {
  return array({text(std::move(host)), integer(port), text("id"), array({})});
}

// The values of the specification, and of CLUSTER KEYSLOT.
TEST(Slots, Crc16) {
  EXPECT_EQ(crc16("123456789"), 0x31C3);
  EXPECT_EQ(crc16(""), 0);
  EXPECT_EQ(slot_of("foo"), 12182);
  EXPECT_EQ(slot_of("bar"), 5061);
  EXPECT_EQ(slot_of("123456789"), 0x31C3);
}

TEST(Slots, HashTags) {
  EXPECT_EQ(slot_of("{user1000}.following"), slot_of("user1000"));
  EXPECT_EQ(slot_of("tg:{default}:hold:x"), slot_of("default"));
  // Nothing between the first braces: the whole key counts.
  EXPECT_EQ(slot_of("foo{}{bar}"), crc16("foo{}{bar}") % kSlots);
  EXPECT_EQ(slot_of("{}"), crc16("{}") % kSlots);
  EXPECT_EQ(slot_of("foo{{bar}}zap"), slot_of("{bar"));
  EXPECT_EQ(slot_of("foo{bar}{zap}"), slot_of("bar"));
  EXPECT_EQ(slot_of("foo{bar"), crc16("foo{bar") % kSlots);
  EXPECT_EQ(slot_of("foo}bar{"), crc16("foo}bar{") % kSlots);
  EXPECT_EQ(slot_of("}{a}"), slot_of("a"));
  EXPECT_EQ(slot_of(""), 0);
}

TEST(Slots, Addresses) {
  EXPECT_EQ(join_address("10.0.0.1", "6379"), "10.0.0.1:6379");
  EXPECT_EQ(join_address("fd00::1", "6379"), "[fd00::1]:6379");
  EXPECT_EQ(host_of("redis.example:6379"), "redis.example");
  EXPECT_EQ(host_of("[fd00::1]:6379"), "fd00::1");
}

TEST(Slots, ReadsClusterSlots) {
  RedisReply nameless = node("?", 7003);
  nameless.elements[3] = array({text("hostname"), text(""), text("ip"), text("10.0.0.3")});
  const auto ranges = parse_cluster_slots(
      array({array({integer(0), integer(5460), node("10.0.0.1", 7001), node("10.0.0.4", 7004), node("fd00::5", 7005)}),
             array({integer(5461), integer(5461), node("", 7002)}),
             array({integer(5462), integer(9000), array({RedisReply(), integer(7006), text("id")})}),
             array({integer(9001), integer(10000), nameless}), array({integer(10001), integer(10002), node("?", 1)}),
             array({integer(10003), integer(16383), node("host.example", 7007)})}),
      "[fd00::9]:7000");
  ASSERT_TRUE(ranges.ok()) << ranges.status();
  ASSERT_EQ(ranges->size(), 5U);
  EXPECT_EQ((*ranges)[0].first, 0);
  EXPECT_EQ((*ranges)[0].last, 5460);
  EXPECT_EQ((*ranges)[0].master, "10.0.0.1:7001");
  EXPECT_THAT((*ranges)[0].replicas, ElementsAre("10.0.0.4:7004", "[fd00::5]:7005"));
  EXPECT_EQ((*ranges)[1].master, "[fd00::9]:7002");
  EXPECT_EQ((*ranges)[2].master, "[fd00::9]:7006");
  EXPECT_EQ((*ranges)[3].master, "10.0.0.3:7003");
  EXPECT_EQ((*ranges)[4].first, 10003);
  EXPECT_EQ((*ranges)[4].master, "host.example:7007");
}

TEST(Slots, RefusesWhatIsNoMap) {
  const RedisReply good = node("h", 1);
  for (const RedisReply& reply :
       {RedisReply(), integer(1), array({}), array({array({integer(0), integer(1)})}),
        array({array({integer(-1), integer(1), good})}), array({array({integer(2), integer(1), good})}),
        array({array({integer(0), integer(16384), good})}), array({array({text("0"), integer(1), good})}),
        array({integer(3)})}) {
    EXPECT_FALSE(parse_cluster_slots(reply, "h:1").ok());
  }
  const auto refused = parse_cluster_slots(text("ERR This instance has cluster support disabled", Type::kError), "h:1");
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("h:1 answered CLUSTER SLOTS with ERR This instance"));
  // Not an address, and so not a known slot.
  for (const std::int64_t port : {0, -1, 65536}) {
    const auto ranges = parse_cluster_slots(array({array({integer(0), integer(1), node("h", port)})}), "h:1");
    EXPECT_TRUE(ranges.ok() && ranges->empty()) << port;
  }
}

TEST(Slots, ReadsRedirections) {
  auto moved = parse_redirection("MOVED 3999 127.0.0.1:6381", "a:1");
  ASSERT_TRUE(moved);
  EXPECT_FALSE(moved->ask);
  EXPECT_EQ(moved->slot, 3999);
  EXPECT_EQ(moved->address, "127.0.0.1:6381");
  const auto ask = parse_redirection("ASK 16383 fd00::1:6381", "a:1");
  ASSERT_TRUE(ask);
  EXPECT_TRUE(ask->ask);
  EXPECT_EQ(ask->address, "[fd00::1]:6381");
  moved = parse_redirection("MOVED 0 :6381", "[fd00::2]:1");
  ASSERT_TRUE(moved);
  EXPECT_EQ(moved->address, "[fd00::2]:6381");
  for (const char* other : {"", "MOVED", "MOVED ", "MOVED 1", "MOVED x a:1", "MOVED 16384 a:1", "MOVED -1 a:1",
                            "MOVED 1 a", "MOVED 1 a:", "MOVED 1 ?:6381", "MOVEDX 1 a:1", "ERR MOVED 1 a:1"})
    EXPECT_FALSE(parse_redirection(other, "a:1")) << other;
}

}  // namespace
}  // namespace tollgate
