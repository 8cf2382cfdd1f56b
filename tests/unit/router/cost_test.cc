#include "services/router/cost.h"

#include <gtest/gtest.h>

namespace tollgate::router {
namespace {

// Sonnet-like: 3 / 15 / 0.3 / 3.75 / 6 USD per million tokens, searches at 10 USD per thousand; doubled above 200,000.
v1::Endpoint endpoint() {
  v1::Endpoint endpoint;
  endpoint.set_context_tokens(1'000'000);
  endpoint.set_max_output_tokens(64'000);
  v1::Price& price = *endpoint.mutable_price();
  price.set_input(3'000'000);
  price.set_output(15'000'000);
  price.set_cache_read(300'000);
  price.set_cache_write_5m(3'750'000);
  price.set_cache_write_1h(6'000'000);
  price.set_web_search(10'000'000);
  v1::PriceTier& tier = *endpoint.add_price_tiers();
  tier.set_above_prompt_tokens(200'000);
  *tier.mutable_price() = price;
  tier.mutable_price()->set_input(6'000'000);
  tier.mutable_price()->set_output(22'500'000);
  return endpoint;
}

std::int64_t strict(const v1::CostBound& bound) {
  return bound.input_nano_usd() + (bound.output_price() * bound.max_output_tokens() + 999) / 1000;
}

struct Case {
  std::int64_t input, output, read, write_5m, write_1h, searches;
  std::int64_t nano_usd;
};

TEST(Cost, WorkedExamples) {
  const Case cases[] = {
      {0, 0, 0, 0, 0, 0, 0},
      // 1 x 3 USD / 10^6 = 3,000 nano-USD.
      {1, 0, 0, 0, 0, 0, 3'000},
      {0, 1, 0, 0, 0, 0, 15'000},
      {0, 0, 1, 0, 0, 0, 300},
      {0, 0, 0, 1, 0, 0, 3'750},
      {0, 0, 0, 0, 1, 0, 6'000},
      // 10 USD / 1,000 = 0.01 USD.
      {0, 0, 0, 0, 0, 1, 10'000'000},
      // 1000 x 3 + 500 x 15 = 10,500 micro-USD.
      {1000, 500, 0, 0, 0, 0, 10'500'000},
      // 12 x 3 + 340 x 15 + 48,211 x 0.3 + 1,024 x 3.75 + 2,048 x 6 = 35,727.3 micro-USD, and two searches.
      {12, 340, 48'211, 1'024, 2'048, 2, 35'727'300 + 20'000'000},
      // The prompt decides the tier with all its classes; 200,000 is not above it.
      {200'000, 0, 0, 0, 0, 0, 600'000'000},
      {100'000, 1, 100'000, 0, 1, 0, 600'000'000 + 22'500 + 30'000'000 + 6'000},
      // A whole context: 1,000,000 x 6 + 64,000 x 22.5 USD / 10^6.
      {1'000'000, 64'000, 0, 0, 0, 0, 7'440'000'000},
  };
  for (const Case& example : cases) {
    v1::Usage usage;
    usage.set_input_tokens(example.input);
    usage.set_output_tokens(example.output);
    usage.set_cache_read_tokens(example.read);
    usage.set_cache_write_5m_tokens(example.write_5m);
    usage.set_cache_write_1h_tokens(example.write_1h);
    usage.set_web_search_requests(example.searches);
    EXPECT_EQ(cost_of(usage, endpoint()), example.nano_usd) << usage.ShortDebugString();
  }
}

TEST(Cost, RoundsHalfUpOncePerGeneration) {
  v1::Endpoint cheap;
  cheap.mutable_price()->set_input(1);  // 1 pico-USD a token
  cheap.mutable_price()->set_output(499);
  v1::Usage usage;
  usage.set_input_tokens(499);
  EXPECT_EQ(cost_of(usage, cheap), 0);
  usage.set_input_tokens(500);
  EXPECT_EQ(cost_of(usage, cheap), 1);
  // 1 + 499 pico-USD: each alone would round to nothing.
  usage.set_input_tokens(1);
  usage.set_output_tokens(1);
  EXPECT_EQ(cost_of(usage, cheap), 1);
}

TEST(Cost, TheWorstCaseBoundsWhateverTheUpstreamMayReport) {
  const v1::Endpoint sonnet = endpoint();
  for (std::int64_t body : {0, 2'000, 199'000, 200'000, 5'000'000}) {
    for (std::int64_t max_tokens : {0, 1, 32'000, 1'000'000}) {
      const std::int64_t worst = strict(bound_of(static_cast<std::size_t>(body), max_tokens, sonnet));
      const std::int64_t prompt = std::min<std::int64_t>(body, 1'000'000);
      for (auto set : {&v1::Usage::set_input_tokens, &v1::Usage::set_cache_read_tokens,
                       &v1::Usage::set_cache_write_5m_tokens, &v1::Usage::set_cache_write_1h_tokens}) {
        v1::Usage usage;
        (usage.*set)(prompt);
        usage.set_output_tokens(std::min<std::int64_t>(max_tokens, 64'000));
        EXPECT_GE(worst, cost_of(usage, sonnet)) << body << " " << max_tokens << " " << usage.ShortDebugString();
      }
    }
  }
}

}  // namespace
}  // namespace tollgate::router
