#include "services/router/catalog_diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/router/table_testing.h"

namespace tollgate::router {
namespace {

using Kind = CatalogChange::Kind;

std::vector<CatalogChange> changes(const std::vector<TestModel>& before, const std::vector<TestModel>& after) {
  return difference(*table_of(before), *table_of(after));
}

TEST(CatalogDiff, TheSameIsNoChange) {
  const std::vector<TestModel> models = {{"a/m", {{"p", R"({"input":1})"}}}};
  EXPECT_THAT(changes(models, models), testing::IsEmpty());
}

TEST(CatalogDiff, SaysWhatChanged) {
  const auto found =
      changes({{"a/m", {{"p", R"({"input":1})", R"(,"price_tiers":[{"above_prompt_tokens":9,"price_usd":{}}])"}}}},
              {{"a/m", {{"p", R"({"input":1.5,"cache_read":0.05})", R"(,"context_tokens":7)"}}}});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].kind, Kind::kChanged);
  EXPECT_EQ(found[0].upstream, "u");
  EXPECT_EQ(found[0].model, "m");
  EXPECT_THAT(found[0].what, testing::StartsWith("context 100000 -> 7, input 1 -> 1.5, cache_read 0.1 -> 0.05, "
                                                 "above 9: input 0.1 -> none"));
}

TEST(CatalogDiff, ModelsComeAndGo) {
  const auto found = changes({{"a/m", {{"p", "{}"}}}}, {{"a/n", {{"p", R"({"input":2,"output":3})"}}}});
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].kind, Kind::kRemoved);
  EXPECT_EQ(found[0].what, "a/m: 0.1 in, 0.1 out, context 100000");
  EXPECT_EQ(found[1].kind, Kind::kAdded);
  EXPECT_EQ(found[1].what, "a/n: 2 in, 3 out, context 100000");
}

}  // namespace
}  // namespace tollgate::router
