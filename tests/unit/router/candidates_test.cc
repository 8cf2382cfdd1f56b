#include "services/router/candidates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/common/base/errors.h"
#include "tests/unit/router/table_testing.h"

namespace tollgate::router {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// Three endpoints of a/m and one of b/n.
class CandidatesTest : public testing::Test {
 protected:
  CandidatesTest()
      : table_(
            table_of({{"a/m",
                       {{"anthropic", R"({"input":3,"output":15})", R"(,"collects_data":false,"quantization":"bf16")"},
                        {"google-vertex/us-east5", R"({"input":2,"output":20})",
                         R"(,"zdr":true,"supported_parameters":["tools","top_k"],"max_output_tokens":50)"},
                        {"google-vertex/eu", R"({"input":1,"output":5})",
                         R"(,"price_tiers":[{"above_prompt_tokens":1000,"price_usd":{"input":4,"output":30}}],
                               "price_factors":[{"member":"speed","value":"fast","per_mille":6000}])"}}},
                      {"b/n", {{"other", R"({"input":9,"output":9})", ""}}}})) {}

  SelectionAsk asks(const std::string& preferences = "{}", std::vector<std::string> names = {"a/m"}) const {
    SelectionAsk ask;
    ask.models = *asked_models(names, *table_);
    ask.preferences = *parse_preferences(preferences, "provider");
    return ask;
  }

  static std::vector<std::string> left(const SelectionAsk& ask, const v1::Permissions& permissions = {}) {
    std::vector<std::string> out;
    for (const Candidate& candidate : filter_candidates(ask, permissions).candidates)
      out.push_back(candidate.endpoint->provider());
    return out;
  }

  std::shared_ptr<const ModelTable> table_;
  const std::string anthropic = "anthropic";
  const std::string us = "google-vertex/us-east5";
  const std::string eu = "google-vertex/eu";
};

struct FilterCase {
  std::string preferences;
  std::vector<std::string> left;
  // What excludes the first of the others.
  std::string by = {};
};

TEST_F(CandidatesTest, PreferencesFilter) {
  const FilterCase cases[] = {
      {"{}", {anthropic, us, eu}},
      {R"({"only":["google-vertex"]})", {us, eu}, "provider.only"},
      {R"({"only":["google-vertex/eu","nobody"]})", {eu}, "provider.only"},
      {R"({"only":["google"]})", {}, "provider.only"},
      {R"({"ignore":["google-vertex"]})", {anthropic}, "provider.ignore"},
      {R"({"ignore":["google-vertex/eu"]})", {anthropic, us}, "provider.ignore"},
      {R"({"ignore":["google"]})", {anthropic, us, eu}},
      {R"({"only":["anthropic"],"ignore":["anthropic"]})", {}, "provider.ignore"},
      {R"({"data_collection":"deny"})", {anthropic}, "provider.data_collection (deny)"},
      {R"({"data_collection":"allow"})", {anthropic, us, eu}},
      {R"({"zdr":true})", {us}, "provider.zdr"},
      {R"({"quantizations":["bf16"]})", {anthropic}, "provider.quantizations (bf16)"},
      {R"({"quantizations":["unknown","fp8"]})", {us, eu}, "provider.quantizations (unknown, fp8)"},
      {R"({"max_price":{"prompt":2}})", {us, eu}, "provider.max_price.prompt (2 USD)"},
      {R"({"max_price":{"prompt":"1.999999"}})", {eu}, "provider.max_price.prompt (1.999999 USD)"},
      {R"({"max_price":{"completion":15}})", {anthropic, eu}, "provider.max_price.completion (15 USD)"},
      {R"({"max_price":{"prompt":2,"completion":15}})", {eu}, "provider.max_price.prompt (2 USD)"},
      {R"({"max_price":{"request":0,"image":0,"audio":0}})", {anthropic, us, eu}},
      {R"({"require_parameters":true})", {anthropic, eu}, "provider.require_parameters (thinking)"},
      // An order says who comes first; without fallbacks it says who comes at all.
      {R"({"order":["google-vertex"]})", {anthropic, us, eu}},
      {R"({"allow_fallbacks":false})", {anthropic, us, eu}},
      {R"({"order":["google-vertex"],"allow_fallbacks":false})", {us, eu}, "provider.order without fallbacks"},
      {R"({"preferred_min_throughput":1e9,"preferred_max_latency":1e-9,"sort":"price"})", {anthropic, us, eu}},
  };
  for (const FilterCase& each : cases) {
    SelectionAsk ask = asks(each.preferences);
    ask.parameters = {"tools", "thinking"};
    EXPECT_EQ(left(ask), each.left) << each.preferences;
    const Filtered filtered = filter_candidates(ask, {});
    EXPECT_EQ(filtered.candidates.size() + filtered.excluded.size(), 3u);
    EXPECT_EQ(filtered.excluded.empty() ? "" : filtered.excluded[0].what, each.by) << each.preferences;
  }
}

TEST_F(CandidatesTest, RequiredParametersAreThoseOfTheRequest) {
  SelectionAsk ask = asks(R"({"require_parameters":true})");
  ask.parameters = {"tools"};
  EXPECT_THAT(left(ask), ElementsAre(anthropic, us, eu));
  ask.cost.max_tokens = 51;
  EXPECT_THAT(left(ask), ElementsAre(anthropic, eu));
  EXPECT_EQ(filter_candidates(ask, {}).excluded[0].what, "provider.require_parameters (max_tokens)");
  ask.preferences.require_parameters = false;
  EXPECT_THAT(left(ask), ElementsAre(anthropic, us, eu));
  EXPECT_FALSE(capable(ask, *filter_candidates(ask, {}).candidates[1].endpoint));
}

// What cannot be expressed in another dialect is not taken there, unless the catalog says so of the endpoint.
TEST_F(CandidatesTest, ADialectTakesWhatItCanExpress) {
  v1::Model model = *table_->find("a/m");
  for (v1::Endpoint& endpoint : *model.mutable_endpoints())
    endpoint.mutable_features()->add_parameters("tools");
  SelectionAsk ask = asks(R"({"require_parameters":true})");
  ask.models[0].model = &model;
  ask.parameters = {"tools"};
  EXPECT_THAT(left(ask), ElementsAre(anthropic, us, eu));
  ask.parameters = {"tools", "top_k"};
  EXPECT_THAT(left(ask), ElementsAre(us));
}

TEST_F(CandidatesTest, TheHighestPriceIsThatOfTheRequest) {
  SelectionAsk ask = asks(R"({"max_price":{"prompt":3}})");
  EXPECT_THAT(left(ask), ElementsAre(anthropic, us, eu));
  ask.cost.speed = "fast";
  EXPECT_THAT(left(ask), ElementsAre(anthropic, us));
  ask.cost.speed = "";
  ask.cost.body_bytes = 4 * 1001;
  EXPECT_THAT(left(ask), ElementsAre(anthropic, us));
}

TEST_F(CandidatesTest, SuffixesSort) {
  const auto asked = *asked_models({"a/m:floor", "b/n:nitro"}, *table_);
  EXPECT_EQ(asked[0].model->id(), "a/m");
  EXPECT_EQ(asked[0].sort, SortBy::kPrice);
  EXPECT_EQ(asked[1].sort, SortBy::kThroughput);
  EXPECT_EQ((*asked_models({"a/m"}, *table_))[0].sort, SortBy::kNone);
  for (const char* name : {"a/m:fast", ":floor", "a/m:floor:floor"})
    EXPECT_THAT(failure_of(asked_models({name}, *table_).status()).message(), HasSubstr("is not in the catalog"));
}

TEST_F(CandidatesTest, AModelCountsOnce) {
  EXPECT_EQ(asked_models({"a/m", "b/n", "a/m:floor", "b/n"}, *table_)->size(), 2u);
  EXPECT_THAT(left(asks("{}", {"b/n", "a/m", "b/n"})), ElementsAre("other", anthropic, us, eu));
}

TEST_F(CandidatesTest, AnUnknownModelIsNamed) {
  EXPECT_THAT(failure_of(asked_models({"a/m", "nope"}, *table_).status()).message(),
              HasSubstr("nope is not in the catalog"));
}

TEST_F(CandidatesTest, SaysWhatExcludesWhom) {
  const SelectionAsk ask = asks(R"({"ignore":["anthropic"],"max_price":{"prompt":"0.5"}})");
  const Filtered filtered = filter_candidates(ask, {});
  const v1::Failure failure = failure_of(nothing_left("a/m", filtered.excluded, false));
  EXPECT_EQ(failure.kind(), v1::Failure::KIND_NOT_FOUND);
  EXPECT_EQ(failure.message(),
            "model: no provider of a/m is left: provider.ignore excludes anthropic; provider.max_price.prompt (0.5 "
            "USD) excludes google-vertex/us-east5, google-vertex/eu.");
  EXPECT_THAT(failure_of(nothing_left("a/m", filtered.excluded, true)).message(),
              HasSubstr("defaults of the key and its workspace"));
}

TEST_F(CandidatesTest, TheMessageStaysShort) {
  const Filtered filtered = filter_candidates(asks(R"({"zdr":true,"only":["anthropic"]})"), {});
  const std::vector<Exclusion> many(500, filtered.excluded[0]);
  EXPECT_LT(failure_of(nothing_left(std::string(100'000, 'x'), many, true)).message().size(), 1000u);
}

struct PermissionCase {
  std::vector<std::string> models;
  std::vector<std::string> providers;
  std::vector<std::string> left;
};

TEST_F(CandidatesTest, PermissionsFilter) {
  const std::string all[] = {anthropic, us, eu, "other"};
  const PermissionCase cases[] = {
      {{}, {}, {all[0], all[1], all[2], all[3]}},
      {{"*"}, {}, {all[0], all[1], all[2], all[3]}},
      {{"a/*"}, {}, {all[0], all[1], all[2]}},
      {{"a/m"}, {}, {all[0], all[1], all[2]}},
      {{"a"}, {}, {}},
      {{"a/"}, {}, {}},
      {{"A/M"}, {}, {}},
      {{"a/m*"}, {}, {all[0], all[1], all[2]}},
      {{"a/mm*"}, {}, {}},
      {{"b/n", "a/x"}, {}, {all[3]}},
      {{}, {"google-vertex"}, {all[1], all[2]}},
      {{}, {"google-vertex/eu", "other"}, {all[2], all[3]}},
      {{}, {"google"}, {}},
      {{"a/*"}, {"other"}, {}},
      {{"b/*", "a/*"}, {"other", "anthropic"}, {all[0], all[3]}},
  };
  for (const PermissionCase& each : cases) {
    v1::Permissions permissions;
    for (const std::string& model : each.models)
      permissions.add_models(model);
    for (const std::string& provider : each.providers)
      permissions.add_providers(provider);
    EXPECT_EQ(left(asks("{}", {"a/m", "b/n"}), permissions), each.left) << permissions.ShortDebugString();
    for (const Exclusion& exclusion : filter_candidates(asks(), permissions).excluded)
      EXPECT_EQ(exclusion.by, Exclusion::By::kPermissions);
  }
}

}  // namespace
}  // namespace tollgate::router
