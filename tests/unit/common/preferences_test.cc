#include "services/common/base/preferences.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "services/common/base/errors.h"

namespace tollgate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Optional;

ProviderPreferences parsed(const std::string& json) {
  const absl::StatusOr<ProviderPreferences> result = parse_preferences(json, "provider");
  EXPECT_TRUE(result.ok()) << json << ": " << result.status();
  return result.value_or(ProviderPreferences());
}

TEST(Preferences, ReadsEveryMember) {
  const ProviderPreferences all = parsed(R"({"order":["a","b/c"],"only":["a"],"ignore":["z"],"allow_fallbacks":false,
    "require_parameters":true,"data_collection":"deny","zdr":true,"enforce_distillable_text":false,
    "quantizations":["fp8","unknown"],"sort":{"by":"latency","partition":"none"},
    "max_price":{"prompt":1.25,"completion":"2.000001","request":0,"image":"0.5","audio":3},
    "preferred_min_throughput":50,"preferred_max_latency":{"p50":1,"p99":2.5}})");
  EXPECT_THAT(all.order, ElementsAre("a", "b/c"));
  EXPECT_THAT(all.only, Optional(ElementsAre("a")));
  EXPECT_THAT(all.ignore, ElementsAre("z"));
  EXPECT_FALSE(all.allow_fallbacks);
  EXPECT_TRUE(all.require_parameters);
  EXPECT_TRUE(all.deny_data_collection);
  EXPECT_TRUE(all.zdr);
  EXPECT_THAT(all.quantizations, Optional(ElementsAre("fp8", "unknown")));
  EXPECT_EQ(all.sort, SortBy::kLatency);
  EXPECT_TRUE(all.across_models);
  EXPECT_EQ(all.max_price, (MaxPrice{1'250'000, 2'000'001, 0, 500'000, 3'000'000}));
  EXPECT_EQ(all.min_throughput, (Cutoffs{{50, 50.0}}));
  EXPECT_EQ(all.max_latency, (Cutoffs{{50, 1.0}, {99, 2.5}}));
}

TEST(Preferences, NothingGivenIsTheDefault) {
  for (const char* json :
       {"{}", R"({"order":null,"only":null,"ignore":null,"allow_fallbacks":null,"require_parameters":null,
          "data_collection":null,"zdr":null,"quantizations":null,"sort":null,"max_price":null,
          "preferred_min_throughput":null,"preferred_max_latency":null,"enforce_distillable_text":null})",
        R"({"only":[],"order":[],"ignore":[],"quantizations":[],"max_price":{},"preferred_max_latency":{}})",
        R"({"data_collection":"allow","sort":{"partition":"model"}})"})
    EXPECT_EQ(parsed(json), ProviderPreferences()) << json;
}

TEST(Preferences, AWrongOneIsNamed) {
  const std::pair<std::string, const char*> cases[] = {
      {"", "provider: expected an object"},
      {"[]", "provider: expected an object"},
      {"null", "provider: expected an object"},
      {"{\"order\":", "provider: expected an object"},
      {std::string(70'000, ' ') + "{}", "provider: expected an object of at most 65536 bytes"},
      {std::string(60'000, '['), "provider: expected an object"},
      {R"({"sorted":1})", "provider.sorted: this preference is not known; known are order, only, "},
      {R"({"Order":[]})", "provider.Order: this preference is not known"},
      {"{\"a\\u0000\\nb\":1}", "provider.a??b: this preference is not known"},
      {R"({"zdr":true,"zdr":false})", "provider.zdr: this member stands twice"},
      {R"({"max_price":{"prompt":1,"prompt":9}})", "provider.prompt: this member stands twice"},
      {R"({"order":"a"})", "provider.order: expected an array"},
      {R"({"only":[1]})", "provider.only: expected an array"},
      {R"({"only":[""]})", "provider.only: expected an array"},
      {R"({"ignore":[null]})", "provider.ignore: expected an array"},
      {R"({"ignore":[")" + std::string(129, 'x') + "\"]}", "provider.ignore: expected an array"},
      {R"({"allow_fallbacks":"false"})", "provider.allow_fallbacks: expected true or false"},
      {R"({"allow_fallbacks":0})", "provider.allow_fallbacks: expected true or false"},
      {R"({"require_parameters":1})", "provider.require_parameters: expected true or false"},
      {R"({"zdr":"yes"})", "provider.zdr: expected true or false"},
      {R"({"data_collection":true})", "provider.data_collection: expected one of allow, deny"},
      {R"({"data_collection":"denied"})", "provider.data_collection: expected one of allow, deny"},
      {R"({"quantizations":["fp7"]})", "provider.quantizations: \"fp7\" is none of int4"},
      {R"({"sort":"exacto"})", "provider.sort: expected one of price, throughput, latency"},
      {R"({"sort":1})", "provider.sort: expected one of"},
      {R"({"sort":{"by":"cost"}})", "provider.sort.by: expected one of"},
      {R"({"sort":{"by":"price","partition":"all"}})", "provider.sort.partition: expected one of model, none"},
      {R"({"sort":{"by":"price","desc":true}})", "provider.sort.desc: this preference is not known"},
      {R"({"max_price":3})", "provider.max_price: expected an object"},
      {R"({"max_price":{"input":3}})", "provider.max_price.input: this preference is not known"},
      {R"({"max_price":{"prompt":-1}})", "provider.max_price.prompt: expected USD"},
      {R"({"max_price":{"prompt":"1e3"}})", "provider.max_price.prompt: expected USD"},
      {R"({"max_price":{"completion":1e300}})", "provider.max_price.completion: expected USD"},
      {R"({"max_price":{"completion":true}})", "provider.max_price.completion: expected USD"},
      {R"({"preferred_min_throughput":"fast"})", "provider.preferred_min_throughput: expected a number above 0"},
      {R"({"preferred_min_throughput":0})", "provider.preferred_min_throughput: expected a number above 0"},
      {R"({"preferred_max_latency":{"p95":1}})", "provider.preferred_max_latency.p95: this preference is not known"},
      {R"({"preferred_max_latency":{"p90":-1}})", "provider.preferred_max_latency.p90: expected a number above 0"},
      {R"({"enforce_distillable_text":true})", "provider.enforce_distillable_text: the catalog does not say"},
  };
  for (const auto& [json, expected] : cases) {
    const absl::StatusOr<ProviderPreferences> result = parse_preferences(json, "provider");
    ASSERT_FALSE(result.ok()) << json;
    EXPECT_EQ(failure_of(result.status()).kind(), v1::Failure::KIND_INVALID_REQUEST) << json;
    EXPECT_THAT(failure_of(result.status()).message(), HasSubstr(expected)) << json;
  }
  EXPECT_THAT(failure_of(parse_preferences(R"({"zdr":1})", "x-tollgate-provider").status()).message(),
              HasSubstr("x-tollgate-provider.zdr: expected"));
}

struct MergeCase {
  const char* request;
  const char* defaults;
  const char* merged;
};

TEST(Preferences, TheStricterWins) {
  const MergeCase cases[] = {
      {"{}", "{}", "{}"},
      {R"({"only":["a","b"]})", "{}", R"({"only":["a","b"]})"},
      {"{}", R"({"only":["a","b"]})", R"({"only":["a","b"]})"},
      {R"({"only":["a","b"]})", R"({"only":["b","c"]})", R"({"only":["b"]})"},
      {R"({"only":["v"]})", R"({"only":["v/eu","w"]})", R"({"only":["v/eu"]})"},
      {R"({"only":["v/eu","v/us"]})", R"({"only":["v"]})", R"({"only":["v/eu","v/us"]})"},
      {R"({"ignore":["a"]})", R"({"ignore":["b"]})", R"({"ignore":["a","b"]})"},
      {R"({"quantizations":["fp8","bf16"]})", R"({"quantizations":["bf16"]})", R"({"quantizations":["bf16"]})"},
      {R"({"allow_fallbacks":true})", R"({"allow_fallbacks":false})", R"({"allow_fallbacks":false})"},
      {R"({"allow_fallbacks":false})", R"({"allow_fallbacks":true})", R"({"allow_fallbacks":false})"},
      {R"({"require_parameters":false})", R"({"require_parameters":true})", R"({"require_parameters":true})"},
      {R"({"data_collection":"allow"})", R"({"data_collection":"deny"})", R"({"data_collection":"deny"})"},
      {R"({"data_collection":"deny"})", R"({"data_collection":"allow"})", R"({"data_collection":"deny"})"},
      {R"({"zdr":false})", R"({"zdr":true})", R"({"zdr":true})"},
      {R"({"max_price":{"prompt":3,"completion":5}})", R"({"max_price":{"prompt":2,"completion":9,"image":1}})",
       R"({"max_price":{"prompt":2,"completion":5,"image":1}})"},
      {R"({"preferred_min_throughput":10})", R"({"preferred_min_throughput":{"p50":20,"p90":5}})",
       R"({"preferred_min_throughput":{"p50":20,"p90":5}})"},
      {R"({"preferred_max_latency":{"p90":1}})", R"({"preferred_max_latency":{"p90":2,"p50":3}})",
       R"({"preferred_max_latency":{"p90":1,"p50":3}})"},
      // Of two orders none is the stricter: the request has its way, as a whole.
      {R"({"order":["a"]})", R"({"order":["b"],"sort":"price"})", R"({"order":["a"]})"},
      {R"({"sort":"price"})", R"({"order":["b"],"sort":"latency"})", R"({"sort":"price"})"},
      {"{}", R"({"order":["b"],"sort":{"by":"latency","partition":"none"}})",
       R"({"order":["b"],"sort":{"by":"latency","partition":"none"}})"},
  };
  for (const MergeCase& each : cases)
    EXPECT_EQ(merge_preferences(parsed(each.request), parsed(each.defaults)), parsed(each.merged))
        << each.request << " and " << each.defaults;
}

TEST(Preferences, ListsWithoutACommonProviderAllowNothing) {
  const ProviderPreferences merged = merge_preferences(parsed(R"({"only":["a"]})"), parsed(R"({"only":["b"]})"));
  EXPECT_THAT(merged.only, Optional(ElementsAre()));
  // And it stays so.
  EXPECT_THAT(merge_preferences(merged, parsed("{}")).only, Optional(ElementsAre()));
  EXPECT_THAT(merge_preferences(merged, parsed(R"({"only":["a"]})")).only, Optional(ElementsAre()));
}

// What a merged list allows is what both lists allow.
TEST(Preferences, MergedListsAreTheIntersection) {
  std::mt19937 random(20261125);
  const std::vector<std::string> slugs = {"a", "a/x", "a/y", "a/flex", "b", "b/x", "c"};
  const auto some = [&] {
    std::vector<std::string> out = {slugs[random() % slugs.size()]};
    while (random() % 2)
      out.push_back(slugs[random() % slugs.size()]);
    return out;
  };
  const auto allows = [](const std::vector<std::string>& list, const std::string& provider) {
    return std::any_of(list.begin(), list.end(), [&](const auto& slug) { return slug_means(slug, provider); });
  };
  for (int round = 0; round < 2000; ++round) {
    ProviderPreferences a;
    ProviderPreferences b;
    a.only = some();
    b.only = some();
    const ProviderPreferences merged = merge_preferences(a, b);
    for (const std::string& provider : slugs)
      EXPECT_EQ(allows(*merged.only, provider), allows(*a.only, provider) && allows(*b.only, provider)) << provider;
  }
}

TEST(Preferences, ASlugMeansItsRegions) {
  EXPECT_TRUE(slug_means("google-vertex", "google-vertex"));
  EXPECT_TRUE(slug_means("google-vertex", "google-vertex/us-east5"));
  EXPECT_TRUE(slug_means("google-vertex/us-east5", "google-vertex/us-east5"));
  EXPECT_FALSE(slug_means("google-vertex/us-east5", "google-vertex"));
  EXPECT_FALSE(slug_means("google-vertex/us-east5", "google-vertex/us-east51"));
  EXPECT_FALSE(slug_means("google", "google-vertex"));
  EXPECT_FALSE(slug_means("", "google-vertex"));
  EXPECT_FALSE(slug_means("openai", "openai/priority"));
  EXPECT_FALSE(slug_means("openai", "openai/flex"));
  EXPECT_TRUE(slug_means("openai/flex", "openai/flex"));
}

}  // namespace
}  // namespace tollgate
