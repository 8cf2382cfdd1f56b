#include "services/router/cost_bound.h"

#include <algorithm>

#include "services/common/base/money.h"
#include "services/router/cost.h"

namespace tollgate::router {
namespace {

__extension__ using Wide = __int128;

constexpr Wide kPicoPerNano = 1000;
constexpr Wide kWhole = 1000;
// What the upstream adds to the client's words: the frame of messages, the prompt that explains tools, and more for
// each tool that the client has not described itself.
constexpr std::int64_t kAddedTokens = 1000;
constexpr std::int64_t kAddedForClientTool = 5000;
// Source: https://docs.anthropic.com/en/docs/build-with-claude/vision
constexpr std::int64_t kMostImageTokens = 5000;
constexpr std::int64_t kImageTokens = 1500;
constexpr std::int64_t kBytesPerToken = 4;
// More images than a body could hold.
constexpr std::int64_t kMostImages = 1'000'000;

Wide divided_up(Wide value, Wide by) {
  return (value + by - 1) / by;
}

std::int64_t cut(Wide nano) {
  return static_cast<std::int64_t>(std::min<Wide>(nano, kMaxNanoUsd));
}

// The dearest of a member's factors, thousandths; `asked` restricts it to one value.
Wide dearest_factor(v1::PriceFactor::Member member, const v1::Endpoint& endpoint, const std::string* asked = nullptr) {
  Wide dearest = kWhole;
  for (const v1::PriceFactor& factor : endpoint.price_factors()) {
    if (factor.member() == member && (asked == nullptr || factor.value() == *asked))
      dearest = std::max<Wide>(dearest, factor.per_mille());
  }
  return dearest;
}

// Multiplies amounts by every factor that may apply, rounding up each time.
class Factors {
 public:
  Factors(const CostAsk& ask, const v1::Endpoint& endpoint)
      : speed_(dearest_factor(v1::PriceFactor::MEMBER_SPEED, endpoint, &ask.speed)),
        geo_(dearest_factor(v1::PriceFactor::MEMBER_INFERENCE_GEO, endpoint)),
        tier_(dearest_factor(v1::PriceFactor::MEMBER_SERVICE_TIER, endpoint)) {}

  Wide dearest(Wide amount) const { return times(times(times(amount, speed_), geo_), tier_); }

 private:
  static Wide times(Wide amount, Wide factor) { return divided_up(amount * factor, kWhole); }

  Wide speed_;
  Wide geo_;
  Wide tier_;
};

std::int64_t dearest_input(const CostAsk& ask, const v1::Price& price) {
  std::int64_t dearest = std::max(price.input(), price.cache_read());
  if (ask.traits.cache_control || ask.traits.hidden)
    dearest = std::max(dearest, price.cache_write_5m());
  if ((ask.traits.cache_control && ask.traits.one_hour) || ask.traits.hidden)
    dearest = std::max(dearest, price.cache_write_1h());
  return dearest;
}

struct Dearest {
  std::int64_t input = 0;
  std::int64_t output = 0;
  std::int64_t search = 0;
};

// Of all tiers that a prompt of at most so many tokens can reach.
Dearest dearest_prices(const CostAsk& ask, std::int64_t prompt_tokens, const v1::Endpoint& endpoint) {
  Dearest dearest;
  const auto raise = [&](const v1::Price& price) {
    dearest.input = std::max(dearest.input, dearest_input(ask, price));
    dearest.output = std::max(dearest.output, price.output());
    dearest.search = std::max(dearest.search, price.web_search());
  };
  raise(endpoint.price());
  for (const v1::PriceTier& tier : endpoint.price_tiers()) {
    if (prompt_tokens > tier.above_prompt_tokens())
      raise(tier.price());
  }
  return dearest;
}

// Of one round of the prompt.
std::int64_t most_prompt_tokens(const CostAsk& ask, const v1::Endpoint& endpoint) {
  const PromptTraits& traits = ask.traits;
  if (traits.unbounded || traits.hidden || ask.tools.uses > 0 || traits.compaction)
    return endpoint.context_tokens();
  const std::int64_t tokens = static_cast<std::int64_t>(ask.body_bytes) + kAddedTokens +
                              std::min(traits.images, kMostImages) * kMostImageTokens +
                              std::min(traits.client_tools, kMostImages) * kAddedForClientTool;
  return std::min(tokens, endpoint.context_tokens());
}

// Pico-USD of one turn of the dearest model that may advise: it reads the conversation so far and answers.
Wide advice_cost(const CostAsk& ask, const v1::Endpoint& endpoint, const std::vector<const v1::Endpoint*>& advisors) {
  const auto turn = [&](const v1::Endpoint& advisor) {
    const Dearest price = dearest_prices(ask, advisor.context_tokens(), advisor);
    return Factors(ask, advisor)
        .dearest(Wide{advisor.context_tokens()} * price.input + Wide{advisor.max_output_tokens()} * price.output);
  };
  Wide dearest = turn(endpoint);
  for (const v1::Endpoint* advisor : advisors)
    dearest = std::max(dearest, turn(*advisor));
  return dearest;
}

bool covers(const v1::CostBound& a, const v1::CostBound& b) {
  return a.input_nano_usd() >= b.input_nano_usd() && a.expected_input_nano_usd() >= b.expected_input_nano_usd() &&
         a.output_price() >= b.output_price() && a.max_output_tokens() >= b.max_output_tokens();
}

}  // namespace

std::int64_t expected_input_tokens(const CostAsk& ask, const v1::Endpoint& endpoint) {
  const std::int64_t tokens = static_cast<std::int64_t>(ask.body_bytes) / kBytesPerToken +
                              std::min(ask.traits.images, kMostImages) * kImageTokens;
  return std::min(tokens, endpoint.context_tokens());
}

v1::Usage expected_usage(const CostAsk& ask, const v1::Endpoint& endpoint) {
  v1::Usage usage;
  const std::int64_t tokens = expected_input_tokens(ask, endpoint);
  if (ask.traits.cache_control)
    usage.set_cache_write_5m_tokens(tokens);
  else
    usage.set_input_tokens(tokens);
  usage.set_speed(ask.speed);
  return usage;
}

v1::CostBound bound_of(const CostAsk& ask, const v1::Endpoint& endpoint,
                       const std::vector<const v1::Endpoint*>& advisors) {
  const Factors factors(ask, endpoint);
  // The tokens of all rounds are summed up in the usage, and reach tiers together. Each round may be preceded by one
  // that sums up the conversation, whose output the request's max_tokens does not bound.
  const std::int64_t rounds = ask.tools.uses + 1;
  const std::int64_t compactions = ask.traits.compaction || ask.traits.hidden ? rounds : 0;
  const std::int64_t prompt = (rounds + compactions) * most_prompt_tokens(ask, endpoint);
  const Dearest price = dearest_prices(ask, prompt, endpoint);
  Wide input =
      factors.dearest(Wide{prompt} * price.input + Wide{compactions} * endpoint.max_output_tokens() * price.output);
  // Micro-USD per thousand searches is nano-USD a search.
  input += Wide{ask.tools.searches} * price.search * kPicoPerNano;
  if (ask.tools.advices > 0)
    input += Wide{ask.tools.advices} * advice_cost(ask, endpoint, advisors);

  v1::CostBound bound;
  bound.set_input_nano_usd(cut(divided_up(input, kPicoPerNano)));
  bound.set_expected_input_nano_usd(cost_of(expected_usage(ask, endpoint), endpoint));
  bound.set_output_price(cut(factors.dearest(price.output)));
  bound.set_max_output_tokens(
      std::min(ask.max_tokens.value_or(endpoint.max_output_tokens()), endpoint.max_output_tokens()));
  return bound;
}

void keep_undominated(std::vector<v1::CostBound>& bounds) {
  std::vector<v1::CostBound> kept;
  for (const v1::CostBound& bound : bounds) {
    const auto covered = [&](const v1::CostBound& other) { return covers(other, bound); };
    if (std::any_of(kept.begin(), kept.end(), covered))
      continue;
    const auto obsolete = [&](const v1::CostBound& other) { return covers(bound, other); };
    kept.erase(std::remove_if(kept.begin(), kept.end(), obsolete), kept.end());
    kept.push_back(bound);
  }
  bounds = std::move(kept);
}

}  // namespace tollgate::router
