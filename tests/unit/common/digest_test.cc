#include "services/common/base/digest.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <set>

namespace tollgate {
namespace {

TEST(Digest, Sha256MatchesThePublishedVectors) {
  // FIPS 180-4 examples.
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Digest, ComparesContents) {
  EXPECT_TRUE(equal_in_constant_time("", ""));
  EXPECT_TRUE(equal_in_constant_time("secret", "secret"));
  EXPECT_FALSE(equal_in_constant_time("secret", "secreT"));
  EXPECT_FALSE(equal_in_constant_time("secret", "secre"));
}

TEST(Digest, GenerationIdsHaveTheirFormAndDiffer) {
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = new_generation_id();
    ASSERT_EQ(id.size(), std::string("gen-1700000000-").size() + 20) << id;
    EXPECT_EQ(id.rfind("gen-1", 0), 0u) << id;
    EXPECT_EQ(id[14], '-') << id;
    EXPECT_TRUE(std::all_of(id.begin() + 15, id.end(), [](unsigned char c) { return std::isalnum(c); })) << id;
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), 1000u);
}

}  // namespace
}  // namespace tollgate
