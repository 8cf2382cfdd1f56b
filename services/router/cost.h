// Prices to amounts. Pure integers: tokens x micro-USD per million tokens is pico-USD, summed over all that a
// generation used and rounded half-up to nano-USD once.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "tollgate/v1/activity.pb.h"
#include "tollgate/v1/catalog.pb.h"
#include "tollgate/v1/usage.pb.h"

namespace tollgate::router {

// The endpoint by which a provider bills another model of its own; null when it is not known.
using EndpointLookup = absl::FunctionRef<const v1::Endpoint*(std::string_view upstream_model)>;

// What `usage` costs at an endpoint, nano-USD: the token classes at the price of the tier that the whole prompt
// reaches, times the factors that apply; web searches at their own price; and each part of another model by that
// model's endpoint in the same way (by `endpoint` when `other` knows none). What would exceed kMaxNanoUsd is cut to it.
std::int64_t cost_of(const v1::Usage& usage, const v1::Endpoint& endpoint, EndpointLookup other);
// Without knowledge of other models.
std::int64_t cost_of(const v1::Usage& usage, const v1::Endpoint& endpoint);

// What `cost`, which cost_of() gave or which was cut from that, is made of: the parts add up to it. What rounding and
// cutting leave over is the largest part's.
v1::CostParts parts_of(std::int64_t cost, const v1::Usage& usage, const v1::Endpoint& endpoint, EndpointLookup other);

}  // namespace tollgate::router
