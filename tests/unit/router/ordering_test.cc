#include "services/router/ordering.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>

#include "tests/unit/router/table_testing.h"

namespace tollgate::router {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::Pointwise;

constexpr int kDraws = 100'000;

std::string price(double usd) {
  const std::string p = std::to_string(usd);
  return R"({"input":)" + p + R"(,"output":)" + p + R"(,"cache_write_5m":)" + p + "}";
}

class OrderingTest : public testing::Test {
 protected:
  using Names = std::vector<std::string>;

  // A costs 1, B 2, C 3; N has D at 1 and E at 0.5.
  OrderingTest()
      : table_(table_of({{"x/m", {{"a", price(1)}, {"b", price(2)}, {"c", price(3)}}},
                         {"x/n", {{"d", price(1)}, {"e", price(0.5)}}}})),
        engine_(20261124),
        random_([this] { return std::generate_canonical<double, 53>(engine_); }) {}

  SelectionAsk asks(const std::string& preferences = "{}", Names models = {"x/m"}) const {
    SelectionAsk ask;
    ask.models = *asked_models(models, *table_);
    ask.preferences = *parse_preferences(preferences, "provider");
    ask.cost.body_bytes = 4000;
    return ask;
  }

  Names order(const SelectionAsk& ask, const std::string& sticky = "") const {
    const auto sticks = [&](const Candidate& candidate) { return candidate.endpoint->provider() == sticky; };
    Names out;
    for (const Candidate& each : in_order(ask, filter_candidates(ask, {}).candidates, health_, sticks, random_))
      out.push_back(each.endpoint->provider());
    return out;
  }

  std::vector<double> probabilities(const SelectionAsk& ask) const {
    const auto sticks = [](const Candidate&) { return false; };
    return first_probabilities(standings(ask, filter_candidates(ask, {}).candidates, health_, sticks), health_);
  }

  // Chi-square of what was drawn against what is expected, in units of its bound at one in a million.
  static double chi_square(const std::map<Names, int>& drawn, const std::map<Names, double>& expected) {
    double sum = 0;
    for (const auto& [names, probability] : expected) {
      const double hoped = probability * kDraws;
      const auto found = drawn.find(names);
      const double difference = (found == drawn.end() ? 0 : found->second) - hoped;
      sum += difference * difference / hoped;
    }
    // Chi-square bounds for one, and for five degrees of freedom.
    return sum / (expected.size() == 2 ? 23.9 : 37.0);
  }

  std::shared_ptr<const ModelTable> table_;
  FakeHealth health_;
  std::mt19937_64 engine_;
  Random random_;
};

// OpenRouter's example: A costs 1, B 2 and had an outage, C 3. A comes first nine times as often as C, B always last.
TEST_F(OrderingTest, TheDocumentedExample) {
  health_.outages = {"b"};
  const SelectionAsk ask = asks();
  std::map<Names, int> drawn;
  for (int i = 0; i < kDraws; ++i)
    ++drawn[order(ask)];
  EXPECT_EQ(drawn.size(), 2u);
  const double chi = chi_square(drawn, {{{"a", "c", "b"}, 0.9}, {{"c", "a", "b"}, 0.1}});
  RecordProperty("chi_square_of_bound", std::to_string(chi));
  EXPECT_LT(chi, 1) << drawn[{"a", "c", "b"}];
  EXPECT_THAT(probabilities(ask), Pointwise(DoubleNear(1e-9), {0.9, 0.0, 0.1}));
}

// The whole order is drawn without replacement, not only the first.
TEST_F(OrderingTest, TheRestIsDrawnByWeightToo) {
  const SelectionAsk ask = asks();
  std::map<Names, int> drawn;
  for (int i = 0; i < kDraws; ++i)
    ++drawn[order(ask)];
  const std::map<std::string, double> weights = {{"a", 1.0}, {"b", 1.0 / 4}, {"c", 1.0 / 9}};
  std::map<Names, double> expected;
  Names names = {"a", "b", "c"};
  do {
    double probability = 1;
    double left = 1 + 1.0 / 4 + 1.0 / 9;
    for (const std::string& name : names) {
      probability *= weights.at(name) / left;
      left -= weights.at(name);
    }
    expected[names] = probability;
  } while (std::next_permutation(names.begin(), names.end()));
  EXPECT_LT(chi_square(drawn, expected), 1);
}

// The weight is that of the request: a long answer makes the cheaper output count.
TEST_F(OrderingTest, TheWeightIsTheRequestsExpectedCost) {
  table_ = table_of({{"x/m", {{"in", R"({"input":1,"output":4})"}, {"out", R"({"input":4,"output":1})"}}}});
  SelectionAsk ask = asks();
  EXPECT_THAT(probabilities(ask), Pointwise(DoubleNear(1e-9), {0.5, 0.5}));
  ask.cost.max_tokens = 10;
  EXPECT_GT(probabilities(ask)[0], 0.9);
  ask.cost.body_bytes = 40;
  ask.cost.max_tokens = 1000;
  EXPECT_GT(probabilities(ask)[1], 0.9);
}

TEST_F(OrderingTest, WhatIsFreeComesFirst) {
  table_ = table_of({{"x/m", {{"a", price(1)}, {"free", price(0)}}}});
  for (int i = 0; i < 100; ++i)
    EXPECT_THAT(order(asks()), ElementsAre("free", "a"));
}

struct OrderCase {
  std::string preferences;
  std::vector<std::string> models;
  std::vector<std::string> order;
};

TEST_F(OrderingTest, WhatSwitchesTheDrawOff) {
  // Medians by percentile 50; b has not been measured.
  health_.throughputs = {{"a", {{50, 10}}}, {"c", {{50, 30}}}, {"d", {{50, 20}}}, {"e", {{50, 5}}}};
  health_.latencies = {{"a", {{50, 900}}}, {"c", {{50, 800}}}, {"d", {{50, 100}}}, {"e", {{50, 850}}}};
  const OrderCase cases[] = {
      {"{}", {"x/m:floor"}, {"a", "b", "c"}},
      {"{}", {"x/m:nitro"}, {"c", "a", "b"}},
      {R"({"sort":"price"})", {"x/m"}, {"a", "b", "c"}},
      {R"({"sort":"throughput"})", {"x/m"}, {"c", "a", "b"}},
      {R"({"sort":"latency"})", {"x/m"}, {"c", "a", "b"}},
      {R"({"sort":"latency"})", {"x/m:floor"}, {"a", "b", "c"}},
      {R"({"order":["c","b","a"]})", {"x/m"}, {"c", "b", "a"}},
      {R"({"order":["c"],"sort":"price"})", {"x/m"}, {"c", "a", "b"}},
      {R"({"order":["c"]})", {"x/m:floor"}, {"c", "a", "b"}},
      {R"({"order":["nobody","b"],"sort":"throughput"})", {"x/m"}, {"b", "c", "a"}},
      {R"({"sort":"price"})", {"x/m", "x/n"}, {"a", "b", "c", "e", "d"}},
      {R"({"sort":{"by":"price"}})", {"x/n", "x/m"}, {"e", "d", "a", "b", "c"}},
      {R"({"sort":{"by":"price","partition":"model"}})", {"x/m", "x/n"}, {"a", "b", "c", "e", "d"}},
      {R"({"sort":{"by":"price","partition":"none"}})", {"x/m", "x/n"}, {"e", "a", "d", "b", "c"}},
      {R"({"sort":{"by":"throughput","partition":"none"}})", {"x/m", "x/n"}, {"c", "d", "a", "e", "b"}},
      {R"({"sort":{"by":"latency","partition":"none"}})", {"x/m", "x/n"}, {"d", "c", "e", "a", "b"}},
      {R"({"order":["e","b"],"sort":"price"})", {"x/m", "x/n"}, {"b", "a", "c", "e", "d"}},
      {R"({"sort":"price","allow_fallbacks":false})", {"x/m", "x/n"}, {"a"}},
      {R"({"order":["c","b"],"allow_fallbacks":false})", {"x/m"}, {"c"}},
  };
  for (const OrderCase& each : cases) {
    for (int i = 0; i < 20; ++i)
      EXPECT_EQ(order(asks(each.preferences, each.models)), each.order) << each.preferences;
  }
}

TEST_F(OrderingTest, AnOutageComesLastUnlessTheOrderIsGiven) {
  health_.outages = {"a"};
  EXPECT_EQ(order(asks(R"({"sort":"price"})")), (Names{"b", "c", "a"}));
  EXPECT_EQ(order(asks(R"({"order":["a"],"sort":"price"})")), (Names{"a", "b", "c"}));
  EXPECT_EQ(order(asks(R"({"order":["c"],"sort":"price"})")), (Names{"c", "b", "a"}));
  // It is not removed.
  health_.outages = {"a", "b", "c"};
  EXPECT_EQ(order(asks(R"({"sort":"price"})")), (Names{"a", "b", "c"}));
  EXPECT_EQ(order(asks(R"({"sort":"price"})", {"x/m", "x/n"})), (Names{"a", "b", "c", "e", "d"}));
}

TEST_F(OrderingTest, PreferredSpeedsAreSoft) {
  health_.throughputs = {{"a", {{50, 40}, {10, 5}}}, {"b", {{50, 80}, {10, 50}}}};
  health_.latencies = {{"a", {{50, 400}, {99, 2000}}}, {"b", {{50, 700}, {99, 900}}}};
  const std::pair<std::string, Names> cases[] = {
      {R"({"sort":"price"})", {"a", "b", "c"}},
      {R"({"sort":"price","preferred_min_throughput":40})", {"a", "b", "c"}},
      {R"({"sort":"price","preferred_min_throughput":41})", {"b", "c", "a"}},
      // Nine of ten requests are to be faster: the slowest tenth counts.
      {R"({"sort":"price","preferred_min_throughput":{"p90":6}})", {"b", "c", "a"}},
      {R"({"sort":"price","preferred_min_throughput":{"p50":50,"p90":51}})", {"c", "a", "b"}},
      {R"({"sort":"price","preferred_max_latency":0.4})", {"a", "c", "b"}},
      {R"({"sort":"price","preferred_max_latency":{"p99":1.5}})", {"b", "c", "a"}},
      // All cut-offs must hold.
      {R"({"sort":"price","preferred_max_latency":{"p50":0.5,"p99":1.5}})", {"c", "a", "b"}},
      // What was not measured at that percentile misses nothing.
      {R"({"sort":"price","preferred_max_latency":{"p75":0.001}})", {"a", "b", "c"}},
  };
  for (const auto& [preferences, expected] : cases)
    EXPECT_EQ(order(asks(preferences)), expected) << preferences;
  // Slow is better than out of order.
  health_.outages = {"b"};
  EXPECT_EQ(order(asks(R"({"sort":"price","preferred_min_throughput":41})")), (Names{"c", "a", "b"}));
}

TEST_F(OrderingTest, WhoTakesTheWholeRequestComesFirst) {
  table_ = table_of({{"x/m",
                      {{"a", price(1), R"(,"supported_parameters":["tools"])"},
                       {"b", price(2), R"(,"max_output_tokens":10)"},
                       {"c", price(3)}}}});
  SelectionAsk ask = asks(R"({"sort":"price"})");
  ask.parameters = {"tools"};
  ask.cost.max_tokens = 10;
  EXPECT_EQ(order(ask), (Names{"a", "b", "c"}));
  ask.parameters = {"tools", "thinking"};
  EXPECT_EQ(order(ask), (Names{"b", "c", "a"}));
  ask.cost.max_tokens = 11;
  EXPECT_EQ(order(ask), (Names{"c", "a", "b"}));
  // An answer that is a refusal ends the way: even an outage is the better choice.
  health_.outages = {"c"};
  EXPECT_EQ(order(ask), (Names{"c", "a", "b"}));
}

TEST_F(OrderingTest, AConversationStays) {
  EXPECT_EQ(order(asks(R"({"sort":"price"})"), "c"), (Names{"c", "a", "b"}));
  EXPECT_EQ(order(asks(), "c")[0], "c");
  EXPECT_EQ(order(asks(R"({"order":["a","b"]})"), "c"), (Names{"a", "b", "c"}));
  EXPECT_EQ(order(asks(R"({"sort":"price"})", {"x/m", "x/n"}), "d"), (Names{"a", "b", "c", "d", "e"}));
  EXPECT_EQ(order(asks(R"({"sort":"price","allow_fallbacks":false})"), "c"), (Names{"c"}));
  EXPECT_EQ(order(asks(R"({"sort":"price","ignore":["c"]})"), "c"), (Names{"a", "b"}));
  health_.outages = {"c"};
  EXPECT_EQ(order(asks(R"({"sort":"price"})"), "c"), (Names{"a", "b", "c"}));
}

// Whatever is asked: the order holds each candidate once and nothing that is excluded; without fallbacks exactly one;
// and who can come first does so as often as said.
TEST_F(OrderingTest, HoldsForAnyPreferences) {
  const std::vector<std::string> slugs = {"a", "b", "c", "d", "e", "p", "p/x", "p/y", "q/flex"};
  std::mt19937_64 random(7);
  const auto pick = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  const auto list = [&] {
    nlohmann::json out = nlohmann::json::array();
    for (std::size_t i = pick(4); i > 0; --i)
      out.push_back(slugs[pick(slugs.size())]);
    return out;
  };
  int empty = 0;
  for (int round = 0; round < 20'000; ++round) {
    if (round % 100 == 0) {
      std::vector<TestModel> models;
      for (const char* id : {"x/m", "x/n"}) {
        models.push_back({id, {}});
        for (std::size_t i = 1 + pick(5); i > 0; --i)
          models.back().endpoints.push_back({slugs[pick(slugs.size())], price(static_cast<double>(pick(5))),
                                             std::string(R"(,"zdr":)") + (pick(2) ? "true" : "false") +
                                                 R"(,"collects_data":)" + (pick(2) ? "true" : "false") +
                                                 (pick(2) ? R"(,"supported_parameters":["tools"])" : "") +
                                                 (pick(2) ? R"(,"quantization":"fp8")" : "")});
      }
      table_ = table_of(models);
    }
    nlohmann::json wanted = {{"order", list()}, {"ignore", list()}, {"allow_fallbacks", pick(2) == 0}};
    if (pick(3) == 0)
      wanted["only"] = list();
    if (pick(4) == 0)
      wanted["zdr"] = true;
    if (pick(4) == 0)
      wanted["data_collection"] = "deny";
    if (pick(4) == 0)
      wanted["require_parameters"] = true;
    if (pick(4) == 0)
      wanted["quantizations"] = {"fp8"};
    if (pick(4) == 0)
      wanted["max_price"] = {{"prompt", pick(5)}};
    if (pick(2) == 0)
      wanted["sort"] = {{"by", std::vector{"price", "latency", "throughput"}[pick(3)]},
                        {"partition", pick(2) ? "none" : "model"}};
    health_.outages = {slugs[pick(slugs.size())], slugs[pick(slugs.size())]};
    health_.throughputs = {{slugs[pick(slugs.size())], {{50, 9}}}};
    SelectionAsk ask = asks(wanted.dump(), pick(2) ? Names{"x/m"} : Names{"x/n:floor", "x/m"});
    if (pick(2))
      ask.parameters = {"thinking"};
    v1::Permissions permissions;
    if (pick(4) == 0)
      permissions.add_providers(slugs[pick(slugs.size())]);

    const Filtered filtered = filter_candidates(ask, permissions);
    std::size_t endpoints = 0;
    for (const AskedModel& model : ask.models)
      endpoints += static_cast<std::size_t>(model.model->endpoints_size());
    ASSERT_EQ(filtered.candidates.size() + filtered.excluded.size(), endpoints);
    const std::string sticky = slugs[pick(slugs.size())];
    const auto sticks = [&](const Candidate& candidate) { return candidate.endpoint->provider() == sticky; };
    const std::vector<Candidate> order = in_order(ask, filtered.candidates, health_, sticks, random_);
    if (filtered.candidates.empty()) {
      ++empty;
      EXPECT_TRUE(order.empty());
      continue;
    }
    if (ask.preferences.allow_fallbacks)
      EXPECT_THAT(order, testing::UnorderedElementsAreArray(filtered.candidates)) << wanted;
    else
      EXPECT_EQ(order.size(), 1u) << wanted;
    for (const Exclusion& exclusion : filtered.excluded)
      EXPECT_THAT(order, testing::Not(testing::Contains(exclusion.candidate))) << wanted;
    const auto standing = standings(ask, filtered.candidates, health_, sticks);
    const auto first = first_probabilities(standing, health_);
    EXPECT_NEAR(std::accumulate(first.begin(), first.end(), 0.0), 1, 1e-9) << wanted;
    const auto at = std::find(filtered.candidates.begin(), filtered.candidates.end(), order[0]);
    EXPECT_GT(first[static_cast<std::size_t>(at - filtered.candidates.begin())], 0) << wanted;
  }
  EXPECT_LT(empty, 15'000);
}

}  // namespace
}  // namespace tollgate::router
