#include "gateway/failed_keys.h"

#include <gtest/gtest.h>

#include <string>

#include "gateway/address_slots.h"
#include "gateway/body_memory.h"

namespace tollgate {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const FailedKeys::Time kStart = SteadyClock::time_point() + seconds(1000);

IpAddress address(std::string_view text) {
  return *IpAddress::parse(text);
}

const IpAddress kAttacker = address("192.0.2.1");
const IpAddress kOther = address("192.0.2.2");

TEST(FailedKeysTest, WhoFailsTooOftenWaits) {
  FailedKeys keys(6);
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(keys.wait(kAttacker, "guess", kStart), milliseconds(0)) << i;
    EXPECT_EQ(keys.failed(kAttacker, "guess" + std::to_string(i), kStart), i == 5) << i;
  }
  EXPECT_EQ(keys.wait(kAttacker, "guess", kStart), seconds(10));
  EXPECT_EQ(keys.wait(kAttacker, "guess", kStart + milliseconds(9999)), milliseconds(1));
  EXPECT_EQ(keys.wait(kOther, "guess", kStart), milliseconds(0));
}

TEST(FailedKeysTest, TriesComeBackOneByOne) {
  FailedKeys keys(6);
  for (int i = 0; i < 6; ++i)
    keys.failed(kAttacker, "guess", kStart);
  auto now = kStart;
  for (int i = 0; i < 20; ++i) {
    now += seconds(10);
    EXPECT_EQ(keys.wait(kAttacker, "guess", now), milliseconds(0)) << i;
    EXPECT_TRUE(keys.failed(kAttacker, "guess", now)) << i;
    EXPECT_EQ(keys.wait(kAttacker, "guess", now), seconds(10)) << i;
  }
  now += seconds(60);
  for (int i = 0; i < 5; ++i)
    EXPECT_FALSE(keys.failed(kAttacker, "guess", now)) << i;
}

// What was under way together is counted, but does not lock anybody out for hours.
TEST(FailedKeysTest, NobodyWaitsLongerThanOneMinuteMore) {
  FailedKeys keys(6);
  for (int i = 0; i < 10'000; ++i)
    keys.failed(kAttacker, "guess", kStart);
  EXPECT_EQ(keys.wait(kAttacker, "guess", kStart), seconds(70));
}

TEST(FailedKeysTest, AKeyThatHasWorkedGoesOnWorkingFromItsAddress) {
  FailedKeys keys(2);
  keys.worked(kAttacker, "good");
  keys.failed(kAttacker, "bad", kStart);
  keys.failed(kAttacker, "bad", kStart);
  EXPECT_GT(keys.wait(kAttacker, "bad", kStart), milliseconds(0));
  EXPECT_EQ(keys.wait(kAttacker, "good", kStart), milliseconds(0));
  // It works elsewhere: whoever guesses it here learns nothing.
  keys.worked(kOther, "others");
  EXPECT_GT(keys.wait(kAttacker, "others", kStart), milliseconds(0));
  // Switched off, it is one like all.
  keys.failed(kAttacker, "good", kStart);
  EXPECT_GT(keys.wait(kAttacker, "good", kStart), milliseconds(0));
}

TEST(FailedKeysTest, AnIpv6SubscriberIsOneClient) {
  FailedKeys keys(1);
  keys.failed(address("2001:db8::1"), "bad", kStart);
  EXPECT_GT(keys.wait(address("2001:db8::ffff:1"), "bad", kStart), milliseconds(0));
  EXPECT_EQ(keys.wait(address("2001:db8:0:1::1"), "bad", kStart), milliseconds(0));
}

TEST(FailedKeysTest, MemoryIsBoundedAndTheLongestUnusedGoes) {
  FailedKeys keys(1, 2, 2);
  const IpAddress third = address("192.0.2.3");
  keys.failed(kAttacker, "bad", kStart);
  keys.failed(kOther, "bad", kStart);
  keys.failed(kAttacker, "bad", kStart);
  keys.failed(third, "bad", kStart);
  EXPECT_GT(keys.wait(kAttacker, "bad", kStart), milliseconds(0));
  EXPECT_EQ(keys.wait(kOther, "bad", kStart), milliseconds(0));
  EXPECT_GT(keys.wait(third, "bad", kStart), milliseconds(0));
  for (const char* key : {"a", "b", "a", "c"})
    keys.worked(third, key);
  EXPECT_EQ(keys.wait(third, "a", kStart), milliseconds(0));
  EXPECT_GT(keys.wait(third, "b", kStart), milliseconds(0));
  EXPECT_EQ(keys.wait(third, "c", kStart), milliseconds(0));
}

TEST(FailedKeysTest, WithoutALimitNobodyWaits) {
  FailedKeys keys(0);
  for (int i = 0; i < 1000; ++i)
    EXPECT_FALSE(keys.failed(kAttacker, "bad", kStart));
  EXPECT_EQ(keys.wait(kAttacker, "bad", kStart), milliseconds(0));
}

TEST(AddressSlotsTest, EachClientHasItsOwnAndGivesThemBack) {
  const auto slots = std::make_shared<AddressSlots>(2);
  {
    const auto first = slots->enter(kAttacker);
    auto second = slots->enter(kAttacker);
    EXPECT_TRUE(first && second);
    EXPECT_FALSE(slots->enter(kAttacker));
    EXPECT_TRUE(slots->enter(kOther));
    EXPECT_EQ(slots->clients(), 1u);
    // Moving one does not free it.
    const AddressSlots::Slot moved = *std::move(second);
    second.reset();
    EXPECT_FALSE(slots->enter(kAttacker));
  }
  EXPECT_EQ(slots->clients(), 0u);
  EXPECT_TRUE(slots->enter(kAttacker));
}

TEST(AddressSlotsTest, WithoutALimitNothingIsCounted) {
  const auto slots = std::make_shared<AddressSlots>(0);
  const auto slot = slots->enter(kAttacker);
  EXPECT_TRUE(slot);
  EXPECT_EQ(slots->clients(), 0u);
}

TEST(BodyMemoryTest, NoMoreThanTheLimitIsTaken) {
  BodyMemory memory(100);
  {
    BodyShare one(memory);
    EXPECT_TRUE(one.grow_to(60));
    EXPECT_TRUE(one.grow_to(50));
    EXPECT_EQ(memory.taken(), 60u);
    BodyShare other(memory);
    EXPECT_FALSE(other.grow_to(41));
    EXPECT_TRUE(memory.full_for(41));
    EXPECT_FALSE(memory.full_for(40));
    EXPECT_TRUE(other.grow_to(40));
    EXPECT_FALSE(one.grow_to(61));
    EXPECT_EQ(memory.taken(), 100u);
  }
  EXPECT_EQ(memory.taken(), 0u);
}

}  // namespace
}  // namespace tollgate
