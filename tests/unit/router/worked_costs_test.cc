// Worked examples of what a generation costs. Each row shows its arithmetic: tokens times USD per million tokens is
// micro-USD; a micro-USD is 1,000 nano-USD.
#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "services/router/cost.h"

namespace tollgate::router {
namespace {

// USD per million tokens in millionths.
v1::Price price(std::int64_t input, std::int64_t output, std::int64_t read, std::int64_t write_5m,
                std::int64_t write_1h, std::int64_t web_search = 10'000'000) {
  v1::Price price;
  price.set_input(input);
  price.set_output(output);
  price.set_cache_read(read);
  price.set_cache_write_5m(write_5m);
  price.set_cache_write_1h(write_1h);
  price.set_web_search(web_search);
  return price;
}

v1::Endpoint at(v1::Price price) {
  v1::Endpoint endpoint;
  *endpoint.mutable_price() = std::move(price);
  return endpoint;
}

void add_tier(std::int64_t above, v1::Price price, v1::Endpoint& endpoint) {
  v1::PriceTier& tier = *endpoint.add_price_tiers();
  tier.set_above_prompt_tokens(above);
  *tier.mutable_price() = std::move(price);
}

void add_factor(v1::PriceFactor::Member member, const std::string& value, std::int64_t per_mille,
                v1::Endpoint& endpoint) {
  v1::PriceFactor& factor = *endpoint.add_price_factors();
  factor.set_member(member);
  factor.set_value(value);
  factor.set_per_mille(per_mille);
}

v1::Endpoint sonnet() {
  v1::Endpoint endpoint = at(price(3'000'000, 15'000'000, 300'000, 3'750'000, 6'000'000));
  add_tier(200'000, price(6'000'000, 22'500'000, 600'000, 7'500'000, 12'000'000), endpoint);
  return endpoint;
}
v1::Endpoint opus_5_5() {
  return at(price(4'000'000, 20'000'000, 200'000, 5'000'000, 8'000'000));
}
v1::Endpoint fable() {
  return at(price(8'000'000, 40'000'000, 200'000, 10'000'000, 16'000'000));
}
v1::Endpoint haiku() {
  v1::Endpoint endpoint = at(price(100'000, 500'000, 10'000, 125'000, 200'000));
  add_tier(100'000, price(500'000, 2'500'000, 50'000, 625'000, 1'000'000), endpoint);
  return endpoint;
}
v1::Endpoint opus_4_6() {
  v1::Endpoint endpoint = at(price(5'000'000, 25'000'000, 500'000, 6'250'000, 10'000'000));
  add_factor(v1::PriceFactor::MEMBER_SPEED, "fast", 6000, endpoint);
  add_factor(v1::PriceFactor::MEMBER_INFERENCE_GEO, "us", 1100, endpoint);
  add_factor(v1::PriceFactor::MEMBER_SERVICE_TIER, "priority", 1500, endpoint);
  add_factor(v1::PriceFactor::MEMBER_SERVICE_TIER, "batch", 500, endpoint);
  return endpoint;
}
v1::Endpoint gpt() {
  v1::Endpoint endpoint = at(price(1'250'000, 10'000'000, 125'000, 1'250'000, 1'250'000, 25'000'000));
  add_tier(128'000, price(2'500'000, 15'000'000, 250'000, 2'500'000, 2'500'000, 25'000'000), endpoint);
  add_tier(272'000, price(5'000'000, 20'000'000, 500'000, 5'000'000, 5'000'000, 30'000'000), endpoint);
  return endpoint;
}
// A token of input costs a thousandth of a nano-USD.
v1::Endpoint tiny() {
  v1::Endpoint endpoint = at(price(1, 499, 250, 500, 999, 1'000));
  add_factor(v1::PriceFactor::MEMBER_SERVICE_TIER, "priority", 1500, endpoint);
  return endpoint;
}

struct Other {
  const char* model;
  std::int64_t input, output, read, write_5m, write_1h;
};

struct Used {
  std::int64_t input = 0;
  std::int64_t output = 0;
  std::int64_t read = 0;
  std::int64_t write_5m = 0;
  std::int64_t write_1h = 0;
  std::int64_t searches = 0;
  const char* speed = "";
  const char* geo = "";
  const char* tier = "";
  std::vector<Other> others = {};
};

struct Example {
  const char* what;
  v1::Endpoint endpoint;
  Used used;
  const char* arithmetic;
  std::int64_t nano_usd;
};

v1::Usage usage_of(const Used& used) {
  v1::Usage usage;
  usage.set_input_tokens(used.input);
  usage.set_output_tokens(used.output);
  usage.set_cache_read_tokens(used.read);
  usage.set_cache_write_5m_tokens(used.write_5m);
  usage.set_cache_write_1h_tokens(used.write_1h);
  usage.set_web_search_requests(used.searches);
  usage.set_speed(used.speed);
  usage.set_inference_geo(used.geo);
  usage.set_service_tier(used.tier);
  for (const Other& other : used.others) {
    v1::OtherModelUsage& part = *usage.add_other_models();
    part.set_model(other.model);
    part.set_input_tokens(other.input);
    part.set_output_tokens(other.output);
    part.set_cache_read_tokens(other.read);
    part.set_cache_write_5m_tokens(other.write_5m);
    part.set_cache_write_1h_tokens(other.write_1h);
  }
  return usage;
}

TEST(WorkedCosts, AreExact) {
  const std::map<std::string, v1::Endpoint, std::less<>> known = {
      {"claude-opus-4-6", opus_4_6()}, {"claude-fable-5-2", fable()}, {"claude-haiku-5-5", haiku()}};
  const auto other = [&](std::string_view model) {
    const auto found = known.find(model);
    return found == known.end() ? nullptr : &found->second;
  };
  const std::vector<Example> examples = {
      {"nothing", sonnet(), {}, "0 = 0 micro-USD", 0},
      {"one input token", sonnet(), {.input = 1}, "1 x 3 = 3 micro-USD", 3'000},
      {"one output token", sonnet(), {.output = 1}, "1 x 15 = 15 micro-USD", 15'000},
      {"one token read from the cache", sonnet(), {.read = 1}, "1 x 0.3 = 0.3 micro-USD", 300},
      {"one written for five minutes", sonnet(), {.write_5m = 1}, "1 x 3.75 = 3.75 micro-USD", 3'750},
      {"one written for an hour", sonnet(), {.write_1h = 1}, "1 x 6 = 6 micro-USD", 6'000},
      {"one search", sonnet(), {.searches = 1}, "0 + 1 searches x 10/1,000 = 10,000 micro-USD", 10'000'000},
      {"input and output",
       sonnet(),
       {.input = 12'345, .output = 678},
       "12,345 x 3 + 678 x 15 = 47,205 micro-USD",
       47'205'000},
      {"every class",
       sonnet(),
       {.input = 12, .output = 340, .read = 48'211, .write_5m = 1'024, .write_1h = 2'048, .searches = 2},
       "12 x 3 + 340 x 15 + 48,211 x 0.3 + 1,024 x 3.75 + 2,048 x 6 + 2 searches x 10/1,000 = 55,727.3 micro-USD",
       55'727'300},
      {"output alone (a cache read is not output)",
       sonnet(),
       {.output = 64'000},
       "64,000 x 15 = 960,000 micro-USD",
       960'000'000},
      {"max_tokens 0 warms a cache",
       sonnet(),
       {.input = 3, .write_5m = 15'000},
       "3 x 3 + 15,000 x 3.75 = 56,259 micro-USD",
       56'259'000},
      {"reads at 0.05 of input",
       opus_5_5(),
       {.input = 10, .output = 200, .read = 150'000},
       "10 x 4 + 200 x 20 + 150,000 x 0.2 = 34,040 micro-USD",
       34'040'000},
      {"reads at 0.05, one token", opus_5_5(), {.read = 1}, "1 x 0.2 = 0.2 micro-USD", 200},
      {"reads at 0.025 of input",
       fable(),
       {.input = 10, .output = 200, .read = 150'000},
       "10 x 8 + 200 x 40 + 150,000 x 0.2 = 38,080 micro-USD",
       38'080'000},
      {"reads at 0.025, a whole context",
       fable(),
       {.read = 1'000'000},
       "1,000,000 x 0.2 = 200,000 micro-USD",
       200'000'000},
      {"reads at 0.1 of input",
       opus_4_6(),
       {.input = 10, .output = 200, .read = 150'000},
       "10 x 5 + 200 x 25 + 150,000 x 0.5 = 80,050 micro-USD",
       80'050'000},
      {"known failure: hour writes at the five-minute price would be 0.10 USD",
       opus_5_5(),
       {.write_1h = 20'000},
       "20,000 x 8 = 160,000 micro-USD",
       160'000'000},
      {"the same for five minutes", opus_5_5(), {.write_5m = 20'000}, "20,000 x 5 = 100,000 micro-USD", 100'000'000},
      {"both lives in one prompt",
       fable(),
       {.input = 4, .output = 1, .write_5m = 20'000, .write_1h = 20'000},
       "4 x 8 + 1 x 40 + 20,000 x 10 + 20,000 x 16 = 520,072 micro-USD",
       520'072'000},
      {"known failure: reads priced as input would be 0.30 USD",
       sonnet(),
       {.read = 100'000},
       "100,000 x 0.3 = 30,000 micro-USD",
       30'000'000},
      {"known failure: creation counted as input too would be 1.86 USD",
       opus_4_6(),
       {.input = 12'000, .write_5m = 160'000},
       "12,000 x 5 + 160,000 x 6.25 = 1,060,000 micro-USD",
       1'060'000'000},
      {"below the threshold", sonnet(), {.input = 199'999}, "199,999 x 3 = 599,997 micro-USD", 599'997'000},
      {"at the threshold is not above it",
       sonnet(),
       {.input = 200'000},
       "200,000 x 3 = 600,000 micro-USD",
       600'000'000},
      {"one above the threshold: all of it is dearer",
       sonnet(),
       {.input = 200'001},
       "200,001 x 6 = 1,200,006 micro-USD",
       1'200'006'000},
      {"classes add up to the threshold",
       sonnet(),
       {.input = 1, .output = 10, .read = 199'998, .write_5m = 1},
       "1 x 3 + 10 x 15 + 199,998 x 0.3 + 1 x 3.75 = 60,156.15 micro-USD",
       60'156'150},
      {"classes pass it together",
       sonnet(),
       {.input = 1, .output = 10, .read = 199'998, .write_5m = 1, .write_1h = 1},
       "1 x 6 + 10 x 22.5 + 199,998 x 0.6 + 1 x 7.5 + 1 x 12 = 120,249.3 micro-USD",
       120'249'300},
      {"output does not count for the tier",
       sonnet(),
       {.input = 200'000, .output = 64'000},
       "200,000 x 3 + 64,000 x 15 = 1,560,000 micro-USD",
       1'560'000'000},
      {"a whole context",
       sonnet(),
       {.input = 1'000'000, .output = 64'000},
       "1,000,000 x 6 + 64,000 x 22.5 = 7,440,000 micro-USD",
       7'440'000'000},
      {"the other threshold, below",
       haiku(),
       {.input = 99'999, .output = 1},
       "99,999 x 0.1 + 1 x 0.5 = 10,000.4 micro-USD",
       10'000'400},
      {"the other threshold, at",
       haiku(),
       {.input = 100'000, .output = 1},
       "100,000 x 0.1 + 1 x 0.5 = 10,000.5 micro-USD",
       10'000'500},
      {"the other threshold, above",
       haiku(),
       {.input = 100'001, .output = 1},
       "100,001 x 0.5 + 1 x 2.5 = 50,003 micro-USD",
       50'003'000},
      {"reads above it",
       haiku(),
       {.input = 1, .output = 1, .read = 100'000},
       "1 x 0.5 + 1 x 2.5 + 100,000 x 0.05 = 5,003 micro-USD",
       5'003'000},
      {"two tiers: at the first",
       gpt(),
       {.input = 128'000, .output = 100},
       "128,000 x 1.25 + 100 x 10 = 161,000 micro-USD",
       161'000'000},
      {"two tiers: above the first",
       gpt(),
       {.input = 128'001, .output = 100},
       "128,001 x 2.5 + 100 x 15 = 321,502.5 micro-USD",
       321'502'500},
      {"two tiers: at the second",
       gpt(),
       {.input = 272'000, .output = 100},
       "272,000 x 2.5 + 100 x 15 = 681,500 micro-USD",
       681'500'000},
      {"two tiers: above the second",
       gpt(),
       {.input = 272'001, .output = 100},
       "272,001 x 5 + 100 x 20 = 1,362,005 micro-USD",
       1'362'005'000},
      {"a search at the price of its tier",
       gpt(),
       {.input = 272'001, .searches = 1},
       "272,001 x 5 + 1 searches x 30/1,000 = 1,390,005 micro-USD",
       1'390'005'000},
      {"fast",
       opus_4_6(),
       {.input = 1'000, .output = 1'000, .speed = "fast"},
       "(1,000 x 5 + 1,000 x 25) x 6 = 180,000 micro-USD",
       180'000'000},
      {"standard speed has no factor",
       opus_4_6(),
       {.input = 1'000, .output = 1'000, .speed = "standard"},
       "1,000 x 5 + 1,000 x 25 = 30,000 micro-USD",
       30'000'000},
      {"inference in the US",
       opus_4_6(),
       {.input = 1'000, .output = 1'000, .geo = "us"},
       "(1,000 x 5 + 1,000 x 25) x 1.1 = 33,000 micro-USD",
       33'000'000},
      {"a geography without a factor",
       opus_4_6(),
       {.input = 1'000, .output = 1'000, .geo = "global"},
       "1,000 x 5 + 1,000 x 25 = 30,000 micro-USD",
       30'000'000},
      {"priority",
       opus_4_6(),
       {.input = 1'000, .output = 1'000, .tier = "priority"},
       "(1,000 x 5 + 1,000 x 25) x 1.5 = 45,000 micro-USD",
       45'000'000},
      {"batch is half",
       opus_4_6(),
       {.input = 1'001, .output = 3, .tier = "batch"},
       "(1,001 x 5 + 3 x 25) x 0.5 = 2,540 micro-USD",
       2'540'000},
      {"fast in the US",
       opus_4_6(),
       {.input = 1'000,
        .output = 1'000,
        .read = 1'000,
        .write_5m = 1'000,
        .write_1h = 1'000,
        .speed = "fast",
        .geo = "us"},
       "(1,000 x 5 + 1,000 x 25 + 1,000 x 0.5 + 1,000 x 6.25 + 1,000 x 10) x 6 x 1.1 = 308,550 micro-USD",
       308'550'000},
      {"fast in the US with priority",
       opus_4_6(),
       {.input = 7, .output = 11, .speed = "fast", .geo = "us", .tier = "priority"},
       "(7 x 5 + 11 x 25) x 6 x 1.1 x 1.5 = 3,069 micro-USD",
       3'069'000},
      {"factors are for tokens: searches stay",
       opus_4_6(),
       {.input = 1, .searches = 3, .speed = "fast"},
       "1 x 5 x 6 + 3 searches x 10/1,000 = 30,030 micro-USD",
       30'030'000},
      {"a value of another member is none",
       opus_4_6(),
       {.input = 1'000, .speed = "us", .geo = "fast"},
       "1,000 x 5 = 5,000 micro-USD",
       5'000'000},
      {"an endpoint without factors",
       sonnet(),
       {.input = 1'000, .speed = "fast", .geo = "us"},
       "1,000 x 3 = 3,000 micro-USD",
       3'000'000},
      {"rounds 0.499 down", tiny(), {.input = 499}, "499 x 0.000001 = 0.000499 micro-USD = 0.499 nano-USD", 0},
      {"rounds 0.4995 down",
       tiny(),
       {.input = 333, .tier = "priority"},
       "333 x 0.000001 x 1.5 = 0.0004995 micro-USD = 0.4995 nano-USD",
       0},
      {"rounds 0.501 up",
       tiny(),
       {.input = 334, .tier = "priority"},
       "334 x 0.000001 x 1.5 = 0.000501 micro-USD = 0.501 nano-USD",
       1},
      {"rounds 0.5 up", tiny(), {.input = 500}, "500 x 0.000001 = 0.0005 micro-USD = 0.5 nano-USD", 1},
      {"rounds 1.4995 down",
       tiny(),
       {.input = 1, .output = 1, .write_1h = 1},
       "1 x 0.000001 + 1 x 0.000499 + 1 x 0.000999 = 0.001499 micro-USD = 1.499 nano-USD",
       1},
      {"rounds 1.5 up",
       tiny(),
       {.input = 1, .output = 1, .write_5m = 2},
       "1 x 0.000001 + 1 x 0.000499 + 2 x 0.0005 = 0.0015 micro-USD = 1.5 nano-USD",
       2},
      {"once for all classes: each alone rounds to nothing",
       tiny(),
       {.input = 1, .output = 1},
       "1 x 0.000001 + 1 x 0.000499 = 0.0005 micro-USD = 0.5 nano-USD",
       1},
      {"once for all classes, half up",
       tiny(),
       {.input = 249, .output = 1, .read = 1},
       "249 x 0.000001 + 1 x 0.000499 + 1 x 0.00025 = 0.000998 micro-USD = 0.998 nano-USD",
       1},
      {"rounds after the factors",
       opus_4_6(),
       {.input = 1, .speed = "fast", .geo = "us"},
       "1 x 5 x 6 x 1.1 = 33 micro-USD",
       33'000},
      {"a search is never rounded", tiny(), {.searches = 3}, "0 + 3 searches x 0.001/1,000 = 3 micro-USD", 3'000},
      {"the largest counts an upstream can report",
       sonnet(),
       {.input = 1'000'000'000'000, .output = 1'000'000'000'000},
       "1,000,000,000,000 x 6 + 1,000,000,000,000 x 22.5 = 28,500,000,000,000 micro-USD, cut to 2^53 nano-USD",
       9'007'199'254'740'992},
      {"more than any amount",
       fable(),
       {.input = 1'000'000'000'000'000,
        .output = 1'000'000'000'000'000,
        .read = 1'000'000'000'000'000,
        .write_5m = 1'000'000'000'000'000,
        .write_1h = 1'000'000'000'000'000},
       "1,000,000,000,000,000 x 8 + 1,000,000,000,000,000 x 40 + 1,000,000,000,000,000 x 0.2 + 1,000,000,000,000,000 x "
       "10 + 1,000,000,000,000,000 x 16 = 74,200,000,000,000,000 micro-USD, cut to 2^53 nano-USD",
       9'007'199'254'740'992},
      {"an advisor at its own price",
       sonnet(),
       {.input = 1'000, .output = 500, .others = {{"claude-opus-4-6", 2'000, 300, 0, 0, 0}}},
       "1,000 x 3 + 500 x 15 + claude-opus-4-6: 2,000 x 5 + 300 x 25 = 28,000 micro-USD",
       28'000'000},
      {"an advisor with caches",
       sonnet(),
       {.input = 1, .output = 1, .others = {{"claude-fable-5-2", 100, 10, 5'000, 20, 30}}},
       "1 x 3 + 1 x 15 + claude-fable-5-2: 100 x 8 + 10 x 40 + 5,000 x 0.2 + 20 x 10 + 30 x 16 = 2,898 micro-USD",
       2'898'000},
      {"two advisors, two turns",
       sonnet(),
       {.input = 10,
        .output = 10,
        .others = {{"claude-opus-4-6", 1'000, 0, 0, 0, 0},
                   {"claude-fable-5-2", 1'000, 1, 0, 0, 0},
                   {"claude-opus-4-6", 0, 1, 0, 0, 0}}},
       "10 x 3 + 10 x 15 + claude-opus-4-6: 1,000 x 5 + claude-fable-5-2: 1,000 x 8 + 1 x 40 + claude-opus-4-6: 1 x 25 "
       "= 13,245 micro-USD",
       13'245'000},
      {"an advisor nobody knows is priced like the one who asked",
       sonnet(),
       {.input = 1, .output = 1, .others = {{"claude-new", 1'000, 1'000, 0, 0, 0}}},
       "1 x 3 + 1 x 15 + claude-new: 1,000 x 3 + 1,000 x 15 = 18,018 micro-USD",
       18'018'000},
      {"an advisor's prompt has a tier of its own",
       sonnet(),
       {.input = 200'000, .output = 1, .others = {{"claude-haiku-5-5", 100'001, 1, 0, 0, 0}}},
       "200,000 x 3 + 1 x 15 + claude-haiku-5-5: 100,001 x 0.5 + 1 x 2.5 = 650,018 micro-USD",
       650'018'000},
      {"the advisor's factors",
       sonnet(),
       {.input = 1'000, .geo = "us", .others = {{"claude-opus-4-6", 1'000, 0, 0, 0, 0}}},
       "1,000 x 3 + claude-opus-4-6: 1,000 x 5 x 1.1 = 8,500 micro-USD",
       8'500'000},
      {"rounds once with the advisor",
       tiny(),
       {.input = 250, .others = {{"nobody", 250, 0, 0, 0, 0}}},
       "250 x 0.000001 + nobody: 250 x 0.000001 = 0.0005 micro-USD = 0.5 nano-USD",
       1},
  };
  for (const Example& example : examples)
    EXPECT_EQ(cost_of(usage_of(example.used), example.endpoint, other), example.nano_usd)
        << example.what << ": " << example.arithmetic;
}

// Where no other model is known, all parts cost what the serving one costs.
TEST(WorkedCosts, WithoutOtherModels) {
  const v1::Usage usage = usage_of({.input = 1'000, .others = {{"claude-opus-4-6", 1'000, 0, 0, 0, 0}}});
  // 1,000 x 3 + 1,000 x 3 = 6,000 micro-USD.
  EXPECT_EQ(cost_of(usage, sonnet()), 6'000'000);
}

TEST(WorkedCosts, NegativeCountsAreNone) {
  EXPECT_EQ(cost_of(usage_of({.input = -1'000, .output = 1, .searches = -5}), sonnet()), 15'000);
}

}  // namespace
}  // namespace tollgate::router
