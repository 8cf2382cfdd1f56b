#include "services/router/cost.h"

#include <algorithm>
#include <array>

#include "services/common/base/money.h"

namespace tollgate::router {
namespace {

// Sums pass 2^63 before they are rounded: a context of tokens at a dear price, times three factors in thousandths.
__extension__ using Wide = __int128;

constexpr Wide kPicoPerNano = 1000;
// Three factors, each in thousandths, are applied without a division: amounts are kept in this part of a pico-USD.
constexpr Wide kParts = 1'000'000'000;
constexpr std::int64_t kWhole = 1000;
// Larger counts are no counts. They could only overflow.
constexpr std::int64_t kMaxCount = 1'000'000'000'000'000;

// Whatever would not fit is far beyond every amount there is.
Wide times(Wide a, Wide b) {
  constexpr Wide kMax = ~(Wide{1} << 127);
  Wide product = 0;
  return __builtin_mul_overflow(a, b, &product) ? kMax / 2 : product;
}

Wide plus(Wide a, Wide b) {
  constexpr Wide kMax = ~(Wide{1} << 127);
  Wide sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? kMax / 2 : sum;
}

Wide count(std::int64_t tokens) {
  return std::clamp<std::int64_t>(tokens, 0, kMaxCount);
}

const v1::Price& price_for(Wide prompt_tokens, const v1::Endpoint& endpoint) {
  const v1::Price* price = &endpoint.price();
  for (const v1::PriceTier& tier : endpoint.price_tiers()) {
    if (prompt_tokens > tier.above_prompt_tokens())
      price = &tier.price();
  }
  return *price;
}

std::int64_t factor_of(v1::PriceFactor::Member member, const std::string& value, const v1::Endpoint& endpoint) {
  for (const v1::PriceFactor& factor : endpoint.price_factors()) {
    if (factor.member() == member && factor.value() == value)
      return factor.per_mille();
  }
  return kWhole;
}

// The product of all that apply, in kParts.
Wide factors_of(const v1::Usage& usage, const v1::Endpoint& endpoint) {
  Wide product = factor_of(v1::PriceFactor::MEMBER_SPEED, usage.speed(), endpoint);
  product = times(product, factor_of(v1::PriceFactor::MEMBER_INFERENCE_GEO, usage.inference_geo(), endpoint));
  return times(product, factor_of(v1::PriceFactor::MEMBER_SERVICE_TIER, usage.service_tier(), endpoint));
}

// Of a Usage or of an OtherModelUsage.
template <class Tokens>
const v1::Price& price_of(const Tokens& tokens, const v1::Endpoint& endpoint) {
  const Wide prompt = count(tokens.input_tokens()) + count(tokens.cache_read_tokens()) +
                      count(tokens.cache_write_5m_tokens()) + count(tokens.cache_write_1h_tokens());
  return price_for(prompt, endpoint);
}

// Pico-USD before any factor.
template <class Tokens>
Wide tokens_cost(const Tokens& tokens, const v1::Price& price) {
  return count(tokens.input_tokens()) * price.input() + count(tokens.output_tokens()) * price.output() +
         count(tokens.cache_read_tokens()) * price.cache_read() +
         count(tokens.cache_write_5m_tokens()) * price.cache_write_5m() +
         count(tokens.cache_write_1h_tokens()) * price.cache_write_1h();
}

}  // namespace

std::int64_t cost_of(const v1::Usage& usage, const v1::Endpoint& endpoint, EndpointLookup other) {
  const v1::Price& price = price_of(usage, endpoint);
  Wide parts = times(tokens_cost(usage, price), factors_of(usage, endpoint));
  for (const v1::OtherModelUsage& part : usage.other_models()) {
    const v1::Endpoint* known = other(part.model());
    const v1::Endpoint& at = known != nullptr ? *known : endpoint;
    parts = plus(parts, times(tokens_cost(part, price_of(part, at)), factors_of(usage, at)));
  }
  // Micro-USD per thousand searches is nano-USD a search.
  const Wide searches = count(usage.web_search_requests()) * price.web_search() * kPicoPerNano;
  parts = plus(parts, times(searches, kParts));
  const Wide nano = plus(parts, kPicoPerNano * kParts / 2) / (kPicoPerNano * kParts);
  return static_cast<std::int64_t>(std::min<Wide>(nano, kMaxNanoUsd));
}

std::int64_t cost_of(const v1::Usage& usage, const v1::Endpoint& endpoint) {
  return cost_of(usage, endpoint, [](std::string_view) -> const v1::Endpoint* { return nullptr; });
}

v1::CostParts parts_of(std::int64_t cost, const v1::Usage& usage, const v1::Endpoint& endpoint, EndpointLookup other) {
  // Pico-USD in kParts: input, output, cache read, cache write, tools.
  std::array<Wide, 5> parts{};
  const auto add = [&parts](const auto& tokens, const v1::Price& price, Wide factors) {
    parts[0] = plus(parts[0], times(count(tokens.input_tokens()) * price.input(), factors));
    parts[1] = plus(parts[1], times(count(tokens.output_tokens()) * price.output(), factors));
    parts[2] = plus(parts[2], times(count(tokens.cache_read_tokens()) * price.cache_read(), factors));
    const Wide writes = count(tokens.cache_write_5m_tokens()) * price.cache_write_5m() +
                        count(tokens.cache_write_1h_tokens()) * price.cache_write_1h();
    parts[3] = plus(parts[3], times(writes, factors));
  };
  const v1::Price& price = price_of(usage, endpoint);
  add(usage, price, factors_of(usage, endpoint));
  for (const v1::OtherModelUsage& part : usage.other_models()) {
    const v1::Endpoint* known = other(part.model());
    const v1::Endpoint& at = known != nullptr ? *known : endpoint;
    add(part, price_of(part, at), factors_of(usage, at));
  }
  parts[4] = times(count(usage.web_search_requests()) * price.web_search() * kPicoPerNano, kParts);

  std::array<std::int64_t, 5> nano{};
  std::int64_t left = cost;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    nano[i] =
        static_cast<std::int64_t>(std::min<Wide>(parts[i] / (kPicoPerNano * kParts), std::max<std::int64_t>(left, 0)));
    left -= nano[i];
  }
  *std::max_element(nano.begin(), nano.end()) += left;
  v1::CostParts out;
  out.set_input(nano[0]);
  out.set_output(nano[1]);
  out.set_cache_read(nano[2]);
  out.set_cache_write(nano[3]);
  out.set_tools(nano[4]);
  return out;
}

}  // namespace tollgate::router
