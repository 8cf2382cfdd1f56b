#include "services/router/ordering.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include "services/router/cost.h"

namespace tollgate::router {
namespace {

// What an answer is taken to be when nothing bounds it lower.
constexpr std::int64_t kExpectedOutput = 1000;
constexpr double kMsPerSecond = 1000;

std::size_t place_in(const std::vector<std::string>& order, const v1::Endpoint& endpoint) {
  const auto found = std::find_if(order.begin(), order.end(),
                                  [&](const std::string& slug) { return slug_means(slug, endpoint.provider()); });
  return static_cast<std::size_t>(found - order.begin());
}

std::int64_t expected_cost(const CostAsk& ask, const v1::Endpoint& endpoint) {
  v1::Usage usage = expected_usage(ask, endpoint);
  usage.set_output_tokens(
      std::min({ask.max_tokens.value_or(kExpectedOutput), kExpectedOutput, endpoint.max_output_tokens()}));
  return std::max<std::int64_t>(cost_of(usage, endpoint), 1);
}

// A cut-off of p90 is about what 90 per cent of the requests do better than: more throughput, less latency.
bool misses(const ProviderPreferences& wanted, const v1::Endpoint& endpoint, const EndpointHealth& health) {
  const bool throughput =
      std::any_of(wanted.min_throughput.begin(), wanted.min_throughput.end(), [&](const auto& cutoff) {
        const std::optional<double> measured = health.throughput(endpoint, 100 - cutoff.first);
        return measured && *measured < cutoff.second;
      });
  const bool latency = std::any_of(wanted.max_latency.begin(), wanted.max_latency.end(), [&](const auto& cutoff) {
    const std::optional<double> measured = health.latency_ms(endpoint, cutoff.first);
    return measured && *measured > cutoff.second * kMsPerSecond;
  });
  return throughput || latency;
}

// All that comes before the draw or the sorting. A conversation's own endpoint is first in its group.
auto rank(const Standing& standing) {
  return std::make_tuple(standing.group, !standing.sticky, standing.place, standing.incapable, standing.outage,
                         standing.slow);
}

// Lower is better; what was not measured comes after what was.
double sort_value(const Standing& standing, const EndpointHealth& health) {
  constexpr double unknown = std::numeric_limits<double>::infinity();
  const v1::Endpoint& endpoint = *standing.candidate.endpoint;
  switch (standing.sort) {
    case SortBy::kPrice:
      return static_cast<double>(standing.cost_nano_usd);
    case SortBy::kThroughput: {
      const std::optional<double> median = health.throughput(endpoint, 50);
      return median ? -*median : unknown;
    }
    case SortBy::kLatency:
      return health.latency_ms(endpoint, 50).value_or(unknown);
    case SortBy::kNone:
      break;
  }
  return unknown;
}

double weight(const Standing& standing) {
  // What is free weighs as the least amount there is.
  const auto cost = static_cast<double>(std::max<std::int64_t>(standing.cost_nano_usd, 1));
  return 1 / (cost * cost);
}

}  // namespace

std::vector<Standing> standings(const SelectionAsk& ask, const std::vector<Candidate>& candidates,
                                const EndpointHealth& health, Sticks sticks) {
  const ProviderPreferences& wanted = ask.preferences;
  std::vector<Standing> out;
  for (const Candidate& candidate : candidates) {
    const v1::Endpoint& endpoint = *candidate.endpoint;
    const auto asked = std::find_if(ask.models.begin(), ask.models.end(),
                                    [&](const AskedModel& each) { return each.model == candidate.model; });
    Standing standing{candidate};
    standing.group = wanted.across_models ? 0 : static_cast<std::size_t>(asked - ask.models.begin());
    standing.place = place_in(wanted.order, endpoint);
    standing.incapable = !capable(ask, endpoint);
    standing.outage = health.outage(endpoint);
    standing.slow = misses(wanted, endpoint, health);
    standing.sort =
        asked != ask.models.end() && asked->sort != SortBy::kNone && !wanted.across_models ? asked->sort : wanted.sort;
    standing.cost_nano_usd = expected_cost(ask.cost, endpoint);
    standing.sticky = wanted.order.empty() && !standing.outage && !standing.incapable && sticks(candidate);
    out.push_back(standing);
  }
  return out;
}

void put_in_order(std::vector<Standing>& standings, const EndpointHealth& health, const Random& random) {
  struct Placed {
    Standing standing;
    double value;
  };
  std::vector<Placed> placed;
  for (Standing& standing : standings) {
    // The least of exponential variates at the rates of the weights is each one's with the probability of its weight,
    // and so on among the rest: a draw without replacement.
    const double value =
        standing.sort == SortBy::kNone ? -std::log1p(-random()) / weight(standing) : sort_value(standing, health);
    placed.push_back({standing, value});
  }
  std::stable_sort(placed.begin(), placed.end(), [](const Placed& a, const Placed& b) {
    return std::tuple_cat(rank(a.standing), std::make_tuple(a.value, a.standing.cost_nano_usd)) <
           std::tuple_cat(rank(b.standing), std::make_tuple(b.value, b.standing.cost_nano_usd));
  });
  for (std::size_t i = 0; i < placed.size(); ++i)
    standings[i] = placed[i].standing;
}

std::vector<double> first_probabilities(const std::vector<Standing>& standings, const EndpointHealth& health) {
  std::vector<double> out(standings.size(), 0);
  if (standings.empty())
    return out;
  const auto best = std::min_element(standings.begin(), standings.end(),
                                     [](const Standing& a, const Standing& b) { return rank(a) < rank(b); });
  if (best->sort != SortBy::kNone) {
    const auto first = std::min_element(standings.begin(), standings.end(), [&](const Standing& a, const Standing& b) {
      return std::tuple_cat(rank(a), std::make_tuple(sort_value(a, health), a.cost_nano_usd)) <
             std::tuple_cat(rank(b), std::make_tuple(sort_value(b, health), b.cost_nano_usd));
    });
    out[static_cast<std::size_t>(first - standings.begin())] = 1;
    return out;
  }
  double total = 0;
  for (const Standing& standing : standings)
    total += rank(standing) == rank(*best) ? weight(standing) : 0;
  for (std::size_t i = 0; i < standings.size(); ++i)
    out[i] = rank(standings[i]) == rank(*best) ? weight(standings[i]) / total : 0;
  return out;
}

std::vector<Candidate> in_order(const SelectionAsk& ask, const std::vector<Candidate>& candidates,
                                const EndpointHealth& health, Sticks sticks, const Random& random) {
  std::vector<Standing> all = standings(ask, candidates, health, sticks);
  put_in_order(all, health, random);
  if (!ask.preferences.allow_fallbacks && all.size() > 1)
    all.erase(all.begin() + 1, all.end());
  std::vector<Candidate> out;
  for (const Standing& standing : all)
    out.push_back(standing.candidate);
  return out;
}

}  // namespace tollgate::router
