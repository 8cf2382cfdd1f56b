// In which order candidates are tried.
//
// Model by model (with `partition` none: all models together). In each: what `order` lists, as it lists it; then those
// that take the whole request before those that do not, those without an outage before those with one, those that meet
// the preferred throughput and latency before those that miss them. What is alike in all of that is drawn at random
// without replacement, each with the weight 1 / (expected cost)^2, or sorted when `sort` or a suffix says so. A
// conversation's own endpoint comes first of all, unless it has an outage or an `order` is given.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "services/router/candidates.h"
#include "services/router/endpoint_health.h"

namespace tollgate::router {

// Evenly distributed in [0, 1).
using Random = std::function<double()>;
// The conversation has been served there.
using Sticks = absl::FunctionRef<bool(const Candidate&)>;

// What decides a candidate's place.
struct Standing {
  Candidate candidate;
  // Of its model among those asked for; 0 for all when they are taken together.
  std::size_t group = 0;
  // In `order`; its size when it is not listed.
  std::size_t place = 0;
  bool incapable = false;
  bool outage = false;
  // Misses a preferred throughput or latency, by what was measured; what was not measured misses nothing.
  bool slow = false;
  SortBy sort = SortBy::kNone;
  // What the request will probably cost there, at least 1.
  std::int64_t cost_nano_usd = 1;
  bool sticky = false;
};

// As the candidates come.
std::vector<Standing> standings(const SelectionAsk& ask, const std::vector<Candidate>& candidates,
                                const EndpointHealth& health, Sticks sticks);

// Sorts them. Draws one number for each candidate that is drawn.
void put_in_order(std::vector<Standing>& standings, const EndpointHealth& health, const Random& random);

// The probability with which each comes first, in their order.
std::vector<double> first_probabilities(const std::vector<Standing>& standings, const EndpointHealth& health);

// The whole of it. `allow_fallbacks` false leaves the first alone.
std::vector<Candidate> in_order(const SelectionAsk& ask, const std::vector<Candidate>& candidates,
                                const EndpointHealth& health, Sticks sticks, const Random& random);

}  // namespace tollgate::router
