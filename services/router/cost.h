// Prices to amounts. Pure integers: tokens x micro-USD per million tokens is pico-USD, summed and rounded half-up to
// nano-USD once.
#pragma once

#include <cstdint>

#include "tollgate/v1/catalog.pb.h"
#include "tollgate/v1/ledger.pb.h"
#include "tollgate/v1/usage.pb.h"

namespace tollgate::router {

// What `usage` costs at an endpoint, nano-USD. The tier follows from the whole prompt.
std::int64_t cost_of(const v1::Usage& usage, const v1::Endpoint& endpoint);

// The most that a request can cost at an endpoint: every byte of the body a token (no tokenizer makes more), bounded by
// the context, at the dearest price of the input in any tier, and the longest output.
v1::CostBound bound_of(std::size_t body_bytes, std::int64_t output_tokens, const v1::Endpoint& endpoint);

}  // namespace tollgate::router
