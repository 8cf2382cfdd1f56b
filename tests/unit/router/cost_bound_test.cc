#include "services/router/cost_bound.h"

#include <gtest/gtest.h>

#include <random>

#include "services/router/cost.h"

namespace tollgate::router {
namespace {

v1::Price price(std::int64_t input, std::int64_t output) {
  v1::Price price;
  price.set_input(input);
  price.set_output(output);
  price.set_cache_read(input / 10);
  price.set_cache_write_5m(input * 5 / 4);
  price.set_cache_write_1h(input * 2);
  price.set_web_search(10'000'000);
  return price;
}

void add_factor(v1::PriceFactor::Member member, const std::string& value, std::int64_t per_mille,
                v1::Endpoint& endpoint) {
  v1::PriceFactor& factor = *endpoint.add_price_factors();
  factor.set_member(member);
  factor.set_value(value);
  factor.set_per_mille(per_mille);
}

// 4 / 20 USD per million tokens, half as much again above 100,000; 200,000 tokens of context, 10,000 of output.
v1::Endpoint endpoint() {
  v1::Endpoint endpoint;
  endpoint.set_context_tokens(200'000);
  endpoint.set_max_output_tokens(10'000);
  *endpoint.mutable_price() = price(4'000'000, 20'000'000);
  v1::PriceTier& tier = *endpoint.add_price_tiers();
  tier.set_above_prompt_tokens(100'000);
  *tier.mutable_price() = price(6'000'000, 30'000'000);
  return endpoint;
}

v1::CostBound bound(const CostAsk& ask, const v1::Endpoint& at = endpoint()) {
  return bound_of(ask, at, {});
}

// As the ledger computes a strict hold.
std::int64_t strict(const v1::CostBound& bound) {
  return bound.input_nano_usd() + (bound.output_price() * bound.max_output_tokens() + 999) / 1000;
}

TEST(CostBound, APlainPromptIsItsBytesAtTheInputPrice) {
  const v1::CostBound plain = bound({.body_bytes = 9'000, .max_tokens = 500});
  // (9,000 + 1,000) x 4 micro-USD; 2,250 x 4.
  EXPECT_EQ(plain.input_nano_usd(), 40'000'000);
  EXPECT_EQ(plain.expected_input_nano_usd(), 9'000'000);
  EXPECT_EQ(plain.output_price(), 20'000'000);
  EXPECT_EQ(plain.max_output_tokens(), 500);
  EXPECT_EQ(expected_input_tokens({.body_bytes = 9'000}, endpoint()), 2'250);
}

TEST(CostBound, OutputIsBoundedByTheEndpoint) {
  EXPECT_EQ(bound({}).max_output_tokens(), 10'000);
  EXPECT_EQ(bound({.max_tokens = 99'999'999}).max_output_tokens(), 10'000);
  EXPECT_EQ(bound({.max_tokens = 0}).max_output_tokens(), 0);
}

TEST(CostBound, CacheWritesOnlyWhenTheyCanBeAskedFor) {
  CostAsk ask{.body_bytes = 9'000};
  ask.traits.one_hour = true;
  EXPECT_EQ(bound(ask).input_nano_usd(), 40'000'000);
  ask.traits.cache_control = true;
  EXPECT_EQ(bound(ask).input_nano_usd(), 80'000'000);
  ask.traits.one_hour = false;
  EXPECT_EQ(bound(ask).input_nano_usd(), 50'000'000);
  EXPECT_EQ(bound(ask).expected_input_nano_usd(), 11'250'000);
}

TEST(CostBound, ReachesATierOnlyWhenThePromptCan) {
  // 99,000 + 1,000 is not above 100,000.
  EXPECT_EQ(bound({.body_bytes = 99'000}).input_nano_usd(), 400'000'000);
  EXPECT_EQ(bound({.body_bytes = 99'001}).input_nano_usd(), 600'006'000);
  EXPECT_EQ(bound({.body_bytes = 99'001}).output_price(), 30'000'000);
  // What is expected is a quarter of it, in the first tier.
  EXPECT_EQ(bound({.body_bytes = 99'001}).expected_input_nano_usd(), 24'750 * 4'000);
  EXPECT_EQ(bound({.body_bytes = 5'000'000}).input_nano_usd(), 1'200'000'000);
}

TEST(CostBound, ACheaperTierLowersNothing) {
  v1::Endpoint at = endpoint();
  *at.mutable_price_tiers(0)->mutable_price() = price(1'000'000, 1'000'000);
  EXPECT_EQ(bound({.body_bytes = 199'000}, at).input_nano_usd(), 800'000'000);
  EXPECT_EQ(bound({.body_bytes = 199'000}, at).output_price(), 20'000'000);
}

TEST(CostBound, ImagesHaveTheirOwnMeasure) {
  CostAsk ask{.body_bytes = 1'000};
  ask.traits.images = 3;
  EXPECT_EQ(bound(ask).input_nano_usd(), (1'000 + 1'000 + 3 * 5'000) * 4'000);
  EXPECT_EQ(expected_input_tokens(ask, endpoint()), 250 + 3 * 1'500);
  ask.traits.images = 1'000'000'000'000;
  EXPECT_EQ(bound(ask).input_nano_usd(), 200'000 * 6'000);
  EXPECT_EQ(expected_input_tokens(ask, endpoint()), 200'000);
}

TEST(CostBound, WhatHasNoRelationToItsBytesTakesTheContext) {
  for (bool PromptTraits::*trait : {&PromptTraits::unbounded, &PromptTraits::hidden}) {
    CostAsk ask{.body_bytes = 1'000};
    ask.traits.*trait = true;
    EXPECT_GE(bound(ask).input_nano_usd(), 200'000 * 6'000);
    EXPECT_EQ(bound(ask).expected_input_nano_usd(), 250 * 4'000);
  }
}

TEST(CostBound, EachUseOfAServerToolIsAnotherRound) {
  CostAsk ask{.body_bytes = 1'000, .tools = {.uses = 8, .searches = 5}};
  // 9 x 200,000 x 6 micro-USD and five searches of a cent.
  EXPECT_EQ(bound(ask).input_nano_usd(), 10'800'000'000 + 50'000'000);
}

TEST(CostBound, CompactionReadsAndWritesBesides) {
  CostAsk ask{.body_bytes = 1'000, .max_tokens = 1};
  ask.traits.compaction = true;
  // Two rounds of the context; one longest output.
  EXPECT_EQ(bound(ask).input_nano_usd(), 2 * 200'000 * 6'000ll + 10'000 * 30'000ll);
}

TEST(CostBound, AdvisorsAreTakenAtTheDearestOfTheirModels) {
  v1::Endpoint dear = endpoint();
  dear.clear_price_tiers();
  *dear.mutable_price() = price(40'000'000, 100'000'000);
  CostAsk ask{.body_bytes = 1'000, .tools = {.uses = 1, .advices = 1}};
  const v1::Endpoint own = endpoint();
  EXPECT_EQ(bound_of(ask, own, {&own, &dear}).input_nano_usd(),
            2 * 200'000 * 6'000ll + 200'000 * 40'000ll + 10'000 * 100'000ll);
  EXPECT_EQ(bound_of(ask, own, {}).input_nano_usd(), 3 * 200'000 * 6'000ll + 10'000 * 30'000ll);
}

TEST(CostBound, FactorsThatTheUpstreamChoosesAlwaysApply) {
  v1::Endpoint at = endpoint();
  add_factor(v1::PriceFactor::MEMBER_INFERENCE_GEO, "us", 1100, at);
  add_factor(v1::PriceFactor::MEMBER_INFERENCE_GEO, "eu", 1050, at);
  add_factor(v1::PriceFactor::MEMBER_SERVICE_TIER, "batch", 500, at);
  add_factor(v1::PriceFactor::MEMBER_SPEED, "fast", 6000, at);
  EXPECT_EQ(bound({.body_bytes = 9'000}, at).input_nano_usd(), 44'000'000);
  EXPECT_EQ(bound({.body_bytes = 9'000}, at).output_price(), 22'000'000);
  EXPECT_EQ(bound({.body_bytes = 9'000}, at).expected_input_nano_usd(), 9'000'000);
  const CostAsk fast{.body_bytes = 9'000, .speed = "fast"};
  EXPECT_EQ(bound(fast, at).input_nano_usd(), 264'000'000);
  EXPECT_EQ(bound(fast, at).output_price(), 132'000'000);
  EXPECT_EQ(bound(fast, at).expected_input_nano_usd(), 54'000'000);
  EXPECT_EQ(bound({.body_bytes = 9'000, .speed = "slow"}, at).output_price(), 22'000'000);
}

TEST(CostBound, HugeOnesAreCut) {
  v1::Endpoint at = endpoint();
  at.set_context_tokens(100'000'000);
  *at.mutable_price_tiers(0)->mutable_price() = price(900'000'000'000, 900'000'000'000);
  for (const auto member : {v1::PriceFactor::MEMBER_INFERENCE_GEO, v1::PriceFactor::MEMBER_SERVICE_TIER})
    add_factor(member, "x", 100'000, at);
  CostAsk ask{.body_bytes = 1, .tools = {.uses = 1'000, .searches = 1'000, .advices = 1'000}};
  ask.traits.hidden = true;
  EXPECT_EQ(bound(ask, at).input_nano_usd(), std::int64_t{1} << 53);
  EXPECT_EQ(bound(ask, at).output_price(), 9'000'000'000'000'000);
}

TEST(CostBound, OnlyWhatOthersDoNotCoverIsKept) {
  const auto make = [](std::int64_t input, std::int64_t expected, std::int64_t output, std::int64_t tokens) {
    v1::CostBound bound;
    bound.set_input_nano_usd(input);
    bound.set_expected_input_nano_usd(expected);
    bound.set_output_price(output);
    bound.set_max_output_tokens(tokens);
    return bound;
  };
  std::vector<v1::CostBound> bounds = {make(1, 1, 1, 1), make(5, 5, 5, 5), make(5, 5, 5, 5), make(6, 5, 5, 4),
                                       make(5, 5, 5, 4)};
  keep_undominated(bounds);
  ASSERT_EQ(bounds.size(), 2u);
  EXPECT_EQ(bounds[0].input_nano_usd(), 5);
  EXPECT_EQ(bounds[1].input_nano_usd(), 6);
  bounds = {make(1, 1, 1, 1), make(1, 1, 1, 1)};
  keep_undominated(bounds);
  EXPECT_EQ(bounds.size(), 1u);
}

// Random requests, endpoints and usages within the limits of the request: none costs more than its bound.
TEST(CostBound, HoldsWhateverTheUpstreamReports) {
  std::mt19937_64 random(20261124);
  const auto upto = [&](std::int64_t most) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(most + 1));
  };
  for (int round = 0; round < 20'000; ++round) {
    v1::Endpoint at = endpoint();
    for (v1::Price* each : {at.mutable_price(), at.mutable_price_tiers(0)->mutable_price()}) {
      *each = price(1 + upto(9'999), 1 + upto(99'999));
      each->set_web_search(upto(1'000));
    }
    add_factor(v1::PriceFactor::MEMBER_INFERENCE_GEO, "us", 1 + upto(3'000), at);
    add_factor(v1::PriceFactor::MEMBER_SERVICE_TIER, "priority", 1 + upto(3'000), at);
    add_factor(v1::PriceFactor::MEMBER_SPEED, "fast", 1 + upto(3'000), at);
    v1::Endpoint advisor = at;
    *advisor.mutable_price() = price(1 + upto(9'999), 1 + upto(99'999));

    CostAsk ask{.body_bytes = static_cast<std::size_t>(upto(300'000)), .speed = upto(1) ? "fast" : ""};
    if (upto(1))
      ask.max_tokens = upto(20'000);
    ask.traits.cache_control = upto(1);
    ask.traits.one_hour = upto(1);
    ask.traits.images = upto(3);
    ask.traits.unbounded = upto(3) == 0;
    ask.traits.compaction = upto(3) == 0;
    if (upto(1)) {
      ask.tools.advices = upto(2);
      ask.tools.searches = upto(2);
      ask.tools.uses = ask.tools.advices + ask.tools.searches + upto(2);
    }

    // A usage that the request can lead to.
    const bool whole_context = ask.traits.unbounded || ask.tools.uses > 0 || ask.traits.compaction;
    const std::int64_t rounds = (ask.tools.uses + 1) * (ask.traits.compaction ? 2 : 1);
    std::int64_t left = rounds * (whole_context ? at.context_tokens()
                                                : std::min<std::int64_t>(static_cast<std::int64_t>(ask.body_bytes) +
                                                                             ask.traits.images * 5'000 + 1'000,
                                                                         at.context_tokens()));
    if (upto(1))
      left = upto(left);
    v1::Usage usage;
    const auto take = [&](bool allowed) {
      const std::int64_t tokens = allowed ? (upto(2) ? upto(left) : left) : 0;
      left -= tokens;
      return tokens;
    };
    usage.set_cache_write_1h_tokens(take(ask.traits.cache_control && ask.traits.one_hour));
    usage.set_cache_write_5m_tokens(take(ask.traits.cache_control));
    usage.set_cache_read_tokens(take(upto(1)));
    usage.set_input_tokens(left);
    std::int64_t output = std::min(ask.max_tokens.value_or(at.max_output_tokens()), at.max_output_tokens());
    output += ask.traits.compaction ? (ask.tools.uses + 1) * at.max_output_tokens() : 0;
    usage.set_output_tokens(upto(1) ? upto(output) : output);
    usage.set_web_search_requests(upto(ask.tools.searches));
    usage.set_inference_geo(upto(1) ? "us" : "");
    usage.set_service_tier(upto(1) ? "priority" : "standard");
    usage.set_speed(upto(1) ? ask.speed : "standard");
    for (std::int64_t i = upto(ask.tools.advices); i > 0; --i) {
      v1::OtherModelUsage& part = *usage.add_other_models();
      part.set_model(upto(1) ? "known" : "unknown");
      part.set_input_tokens(upto(at.context_tokens()));
      part.set_output_tokens(upto(at.max_output_tokens()));
    }
    const auto other = [&](std::string_view model) { return model == "known" ? &advisor : nullptr; };
    ASSERT_LE(cost_of(usage, at, other), strict(bound_of(ask, at, {&at, &advisor})))
        << round << " " << usage.ShortDebugString();
  }
}

}  // namespace
}  // namespace tollgate::router
