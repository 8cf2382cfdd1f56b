#include "services/router/cost.h"

#include <algorithm>

namespace tollgate::router {
namespace {

constexpr std::int64_t kPicoPerNano = 1000;
// What the upstream adds to the client's words: the frame of messages, the prompt that explains tools.
constexpr std::int64_t kAddedTokens = 1000;

std::int64_t to_nano(std::int64_t pico) {
  return (pico + kPicoPerNano / 2) / kPicoPerNano;
}

const v1::Price& price_for(std::int64_t prompt_tokens, const v1::Endpoint& endpoint) {
  const v1::Price* price = &endpoint.price();
  for (const v1::PriceTier& tier : endpoint.price_tiers()) {
    if (prompt_tokens > tier.above_prompt_tokens())
      price = &tier.price();
  }
  return *price;
}

// Raises `bound` to what `input` tokens and any output cost at `price`.
void raise_to(const v1::Price& price, std::int64_t input, std::int64_t expected_input, v1::CostBound& bound) {
  const std::int64_t dearest =
      std::max({price.input(), price.cache_read(), price.cache_write_5m(), price.cache_write_1h()});
  bound.set_input_nano_usd(std::max(bound.input_nano_usd(), to_nano(input * dearest)));
  bound.set_expected_input_nano_usd(std::max(bound.expected_input_nano_usd(), to_nano(expected_input * price.input())));
  bound.set_output_price(std::max(bound.output_price(), price.output()));
}

}  // namespace

std::int64_t cost_of(const v1::Usage& usage, const v1::Endpoint& endpoint) {
  const std::int64_t prompt =
      usage.input_tokens() + usage.cache_read_tokens() + usage.cache_write_5m_tokens() + usage.cache_write_1h_tokens();
  const v1::Price& price = price_for(prompt, endpoint);
  const std::int64_t tokens = usage.input_tokens() * price.input() + usage.output_tokens() * price.output() +
                              usage.cache_read_tokens() * price.cache_read() +
                              usage.cache_write_5m_tokens() * price.cache_write_5m() +
                              usage.cache_write_1h_tokens() * price.cache_write_1h();
  // Micro-USD per thousand searches is nano-USD a search.
  return to_nano(tokens + usage.web_search_requests() * price.web_search() * kPicoPerNano);
}

v1::CostBound bound_of(std::size_t body_bytes, std::int64_t output_tokens, const v1::Endpoint& endpoint) {
  const std::int64_t input = std::min(static_cast<std::int64_t>(body_bytes) + kAddedTokens, endpoint.context_tokens());
  const std::int64_t expected = std::min(static_cast<std::int64_t>(body_bytes) / 4, endpoint.context_tokens());
  v1::CostBound bound;
  bound.set_max_output_tokens(std::min(output_tokens, endpoint.max_output_tokens()));
  raise_to(endpoint.price(), input, expected, bound);
  for (const v1::PriceTier& tier : endpoint.price_tiers()) {
    if (input > tier.above_prompt_tokens())
      raise_to(tier.price(), input, expected, bound);
  }
  return bound;
}

}  // namespace tollgate::router
