// What the scripts pack is read, and the other way round.
#include "services/budget/packed_sums.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/budget/activity_writes.h"

namespace tollgate {
namespace {

v1::ActivitySums sums(std::int64_t base) {
  v1::ActivitySums out;
  out.set_requests(base);
  out.set_failed(base + 1);
  out.set_input_tokens(base + 2);
  out.set_output_tokens(base + 3);
  out.set_cache_read_tokens(base + 4);
  out.set_cache_write_tokens(base + 5);
  out.set_cost_nano_usd(base + 6);
  out.set_first_token_ms(base + 7);
  out.set_duration_ms(base + 8);
  out.set_timed(base + 9);
  out.set_failovers(base + 10);
  return out;
}

TEST(PackedSumsTest, ComeBackWhateverTheirSize) {
  for (const std::int64_t base : {0LL, 120LL, 127LL, 65'530LL, 4'294'967'290LL, 1LL << 53, -5LL, -(1LL << 40)}) {
    const auto back = unpack_sums(pack_sums(sums(base)));
    ASSERT_TRUE(back.has_value()) << base;
    EXPECT_EQ(back->SerializeAsString(), sums(base).SerializeAsString()) << base;
  }
}

TEST(PackedSumsTest, OfEveryFormThatLuaWrites) {
  const std::string rest(10, '\0');
  const auto first = [&](std::string bytes) {
    const auto out = unpack_sums(bytes + rest);
    return out ? out->requests() : -1000;
  };
  using namespace std::string_literals;
  EXPECT_EQ(first("\x7f"), 127);
  EXPECT_EQ(first("\xff"), -1);
  EXPECT_EQ(first("\xcc\xff"), 255);
  EXPECT_EQ(first("\xcd\x01\x00"s), 256);
  EXPECT_EQ(first("\xce\x00\x01\x00\x00"s), 65536);
  EXPECT_EQ(first("\xcf\x00\x00\x00\x01\x00\x00\x00\x00"s), 4294967296);
  EXPECT_EQ(first("\xd0\x80"), -128);
  EXPECT_EQ(first("\xd1\xff\x00"s), -256);
  EXPECT_EQ(first("\xd2\xff\xff\x00\x00"s), -65536);
  EXPECT_EQ(first("\xd3\xff\xff\xff\xff\xff\xff\xff\xff"), -1);
  // A double, from 2^53 on.
  EXPECT_EQ(first("\xcb\x43\x40\x00\x00\x00\x00\x00\x00"s), 9007199254740992);
}

TEST(PackedSumsTest, NothingElseIsRead) {
  const std::string packed = pack_sums(sums(1'000'000));
  for (std::size_t size = 0; size < packed.size(); ++size)
    EXPECT_FALSE(unpack_sums(packed.substr(0, size)).has_value()) << size;
  EXPECT_FALSE(unpack_sums(packed + "x").has_value());
  EXPECT_FALSE(unpack_sums(std::string(11, '\xc0')).has_value());
}

TEST(SumsFieldTest, IsReadBack) {
  v1::ActivityRecord record;
  record.set_key_id("k");
  record.set_model("a|b");
  record.set_provider("p");
  record.set_status(200);
  const std::string field = sums_field(record);
  const SumsField back = parse_sums_field(field);
  EXPECT_EQ(back.key, "k");
  EXPECT_EQ(back.model, "a|b");
  EXPECT_EQ(back.provider, "p");
  EXPECT_EQ(back.status, "200");
  for (const char* broken : {"", "|", "||", "k", "k|m"})
    EXPECT_TRUE(parse_sums_field(broken).key.empty()) << broken;
}

TEST(SumsTest, WhatFailedAndWhatWasTimed) {
  v1::ActivityRecord record;
  record.set_status(529);
  record.set_duration_ms(100);
  EXPECT_EQ(sums_of(record).failed(), 1);
  // Without content there is no time of it.
  EXPECT_EQ(sums_of(record).timed(), 0);
  EXPECT_EQ(sums_of(record).duration_ms(), 0);
  record.set_status(200);
  record.set_first_token_ms(10);
  EXPECT_EQ(sums_of(record).failed(), 0);
  EXPECT_EQ(sums_of(record).duration_ms(), 100);
}

}  // namespace
}  // namespace tollgate
