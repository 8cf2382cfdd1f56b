#include "services/router/catalog_lines.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tollgate::router {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kHead = "{\"catalog\":1,\"features\":{\"f\":{\"mid_conversation_system\":false}}}\n";
const std::string kNames = R"({"upstream":"u","model":"m","id":"a/m",)";
const std::string kLimits = R"("context":1000,"output":100,)";
const std::string kPrices = R"("usd":[3,15,0.3,3.75,6,10])";

// A line with these prices and what else is given.
std::string line(const std::string& prices = kPrices, const std::string& more = "") {
  return fmt::format("{}{}{}{}}}\n", kNames, kLimits, prices, more);
}

struct Read {
  CatalogLines lines;
  Problems problems;
};

Read read(const std::string& text, const std::set<std::string>& upstreams = {"u"}) {
  Read out;
  out.lines = read_lines(text, "c.jsonl", upstreams, out.problems);
  return out;
}

TEST(CatalogLines, AnEndpointIsALine) {
  const Read out = read(kHead + line(kPrices, R"(,"name":"M","created":7,"aliases":["m","mm"],"features":"f",)"
                                              R"("bills_after_abort":true,"from":"pi/rule/none",)"
                                              R"("tiers":[[200,6,22.5,0.6,7.5,12,10],[300,7,23,0.7,8,13,11]],)"
                                              R"("factors":{"speed=fast":6000,"service_tier=batch":500})"));
  EXPECT_THAT(out.problems, IsEmpty());
  ASSERT_EQ(out.lines.models.size(), 1u);
  const v1::Model& model = out.lines.models[0];
  EXPECT_EQ(model.id(), "a/m");
  EXPECT_EQ(model.name(), "M");
  EXPECT_EQ(model.created(), 7);
  EXPECT_THAT(model.aliases(), ElementsAre("m", "mm"));
  ASSERT_EQ(model.endpoints_size(), 1);
  const v1::Endpoint& endpoint = model.endpoints(0);
  EXPECT_EQ(endpoint.provider(), "u") << "an upstream that no table knows is a provider of its name";
  EXPECT_EQ(endpoint.context_tokens(), 1000);
  EXPECT_EQ(endpoint.max_output_tokens(), 100);
  EXPECT_EQ(endpoint.price().input(), 3'000'000);
  EXPECT_EQ(endpoint.price().output(), 15'000'000);
  EXPECT_EQ(endpoint.price().cache_read(), 300'000);
  EXPECT_EQ(endpoint.price().cache_write_5m(), 3'750'000);
  EXPECT_EQ(endpoint.price().cache_write_1h(), 6'000'000);
  EXPECT_EQ(endpoint.price().web_search(), 10'000'000);
  ASSERT_EQ(endpoint.price_tiers_size(), 2);
  EXPECT_EQ(endpoint.price_tiers(1).above_prompt_tokens(), 300);
  EXPECT_EQ(endpoint.price_tiers(1).price().output(), 23'000'000);
  ASSERT_EQ(endpoint.price_factors_size(), 2);
  EXPECT_EQ(endpoint.price_factors(0).member(), v1::PriceFactor::MEMBER_SERVICE_TIER);
  EXPECT_EQ(endpoint.price_factors(0).per_mille(), 500);
  EXPECT_EQ(endpoint.price_factors(1).value(), "fast");
  EXPECT_TRUE(endpoint.bills_after_abort());
  EXPECT_FALSE(endpoint.features().mid_conversation_system());
  EXPECT_TRUE(endpoint.features().has_mid_conversation_system());
  EXPECT_TRUE(endpoint.collects_data()) << "what nobody says is taken for the worst";
}

TEST(CatalogLines, AModelHasItsEndpointsOfAllLines) {
  const std::string other =
      R"({"upstream":"deepseek","model":"x","id":"a/m","aliases":["n"],)" + kLimits + kPrices + "}\n";
  const Read out = read(kHead + line(kPrices, R"(,"aliases":["m"])") + other, {"u", "deepseek"});
  EXPECT_THAT(out.problems, IsEmpty());
  ASSERT_EQ(out.lines.models.size(), 1u);
  EXPECT_EQ(out.lines.models[0].endpoints_size(), 2);
  EXPECT_THAT(out.lines.models[0].aliases(), ElementsAre("m", "n"));
  EXPECT_EQ(out.lines.models[0].endpoints(1).provider(), "deepseek");
}

TEST(CatalogLines, WhatIsNotConfiguredIsLeftOut) {
  // Not even looked at where the line shows at once whose it is.
  EXPECT_THAT(read(kHead + "{\"upstream\":\"other\", this is no JSON\n" + line()).problems, IsEmpty());
  const Read out = read(kHead + R"({"model":"m","upstream":"other","id":"a/n"})" + "\n\n" + line());
  EXPECT_THAT(out.problems, IsEmpty());
  ASSERT_EQ(out.lines.models.size(), 1u);
  EXPECT_EQ(out.lines.models[0].id(), "a/m");
}

TEST(CatalogLines, APriceThatNobodyKnowsServesNobody) {
  const Read out = read(kHead + line(R"("usd":null)", R"(,"aliases":["m"])"));
  EXPECT_THAT(out.problems, IsEmpty());
  EXPECT_TRUE(out.lines.models.empty());
  EXPECT_THAT(out.lines.unpriced.at("a/m"), ElementsAre("u"));
  EXPECT_THAT(out.lines.unpriced.at("m"), ElementsAre("u"));
}

TEST(CatalogLines, WhatIsFreeSaysSo) {
  const std::string nothing = R"("usd":[0,0,0,0,0,0])";
  const Read out = read(kHead + line(nothing, R"(,"free":true)"));
  EXPECT_THAT(out.problems, IsEmpty());
  ASSERT_EQ(out.lines.models.size(), 1u);
  EXPECT_THAT(read(kHead + line(nothing)).problems,
              ElementsAre(HasSubstr("c.jsonl:2: free: has to be true where input and output cost nothing")));
  EXPECT_THAT(read(kHead + line(kPrices, R"(,"free":true)")).problems,
              ElementsAre(HasSubstr("c.jsonl:2: free: is true, but it has a price")));
}

TEST(CatalogLines, SaysWhatIsWrongInWhichLine) {
  const std::pair<std::string, const char*> cases[] = {
      {"", "c.jsonl:0: expected a first line with \"catalog\": 1"},
      {line(), "c.jsonl:1: catalog: is required"},
      {"{\"catalog\":2}\n", "c.jsonl:1: catalog: expected a whole number from 1 to 1"},
      {"[]\n", "c.jsonl:1: the document: expected an object"},
      {kHead + "\n" + line() + "{\"model\"\n", "c.jsonl:4: is no JSON object"},
      {kHead + "7\n", "c.jsonl:2: the document: expected an object, found 7"},
      {kHead + R"({"upstream":"u","upstream":"u"})", "c.jsonl:2: is no JSON object"},
      {std::string("{\"catalog\":1,\"endpoints\":2}\n").append(line()),
       "the first line speaks of 2 endpoints, here are 1: is the file whole?"},
      {kHead + kNames + R"("context":5,)" + kPrices + "}", "c.jsonl:2: output: is required"},
      {kHead + line(R"("context_tokens":5)"), "c.jsonl:2: context_tokens: is not known here"},
      {kHead + line(R"("u":1)"), "c.jsonl:2: usd: is required; null: nobody knows it"},
      {kHead + line(R"("usd":[3,15,0.3,3.75,6])"), "c.jsonl:2: usd: expected six prices"},
      {kHead + line(R"("usd":[3,15,0.3,3.75,6,"10"])"), "c.jsonl:2: usd: expected six prices"},
      {kHead + line(R"("usd":[3,15,0.3,3.75,6,-1])"), "c.jsonl:2: usd: expected six prices"},
      {kHead + line(R"("usd":[3,15,0.0000003,3.75,6,1])"), "c.jsonl:2: usd: expected six prices"},
      {kHead + line(R"("usd":[3,10000.01,0.3,3.75,6,1])"), "c.jsonl:2: usd: expected six prices"},
      {kHead + line(R"("usd":3)"), "c.jsonl:2: usd: expected six prices"},
      {kHead + line(kPrices, R"(,"tiers":[[5,1,1,1,1,1,1],[5,1,1,1,1,1,1]])"), "c.jsonl:2: tiers: tiers ascend"},
      {kHead + line(kPrices, R"(,"tiers":[[5,1,1]])"), "c.jsonl:2: tiers: expected arrays"},
      {kHead + line(kPrices, R"(,"tiers":7)"), "c.jsonl:2: tiers: expected arrays"},
      {kHead + line(kPrices, R"(,"factors":{"colour=red":2})"), "c.jsonl:2: factors: expected an object"},
      {kHead + line(kPrices, R"(,"factors":{"speed":2})"), "c.jsonl:2: factors: expected an object"},
      {kHead + line(kPrices, R"(,"factors":{"speed=fast":0})"), "c.jsonl:2: factors: expected an object"},
      {kHead + line(kPrices, R"(,"factors":{"speed=a":100000,"service_tier=b":100000})"),
       "c.jsonl:2: factors: make the output dearer"},
      {kHead + line(kPrices, R"(,"features":"g")"), "c.jsonl:2: features: \"g\" is not among those of the first line"},
      {kHead + line(kPrices, R"(,"aliases":"m")"), "c.jsonl:2: aliases: expected an array of strings"},
      {"{\"catalog\":1,\"features\":{\"f\":{\"colour\":1}}}\n", "c.jsonl:1: features.f.colour: is not known here"},
  };
  for (const auto& [text, expected] : cases)
    EXPECT_THAT(read(text).problems, testing::Contains(HasSubstr(expected))) << text;
}

TEST(CatalogLines, AWrongLineIsNoEndpoint) {
  const Read out = read(kHead + line(R"("usd":[1])") + line());
  EXPECT_EQ(out.problems.size(), 1u);
  ASSERT_EQ(out.lines.models.size(), 1u);
  EXPECT_EQ(out.lines.models[0].endpoints_size(), 1);
}

}  // namespace
}  // namespace tollgate::router
