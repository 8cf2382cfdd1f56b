// Why the ledger refused a request, in words and headers for whoever sent it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tollgate/v1/failure.pb.h"
#include "tollgate/v1/ledger.pb.h"

namespace tollgate {

// A limit that stands in the way of a request: of several the one with the least left. Amounts in nano-USD.
struct SpentLimit {
  // "key" or "workspace", and its name.
  std::string scope;
  std::string name;
  v1::Reset reset = v1::RESET_NONE;
  std::int64_t limit = 0;
  std::int64_t spent = 0;
  // By requests in flight.
  std::int64_t held = 0;
  // Unix seconds; ignored when there is no reset.
  std::int64_t resets_at = 0;
  // What the request's hold would have taken.
  std::int64_t needed = 0;
  // limit - spent - held; may be negative.
  std::int64_t left = 0;
  // Only holds stand in the way: the request fits once they are settled, if they cost nothing.
  bool passing = false;
  // The hold would have been of mode `expected`.
  bool expected = false;
};

// The largest max_tokens with which the request would fit into what is left; empty when none would.
std::optional<std::int64_t> fitting_max_tokens(const SpentLimit& spent, const v1::ReserveRequest& request);

// 402. One that is passing may be tried again (`retry-after`).
v1::Failure budget_failure(const SpentLimit& spent, const v1::ReserveRequest& request);

// 429, with `retry-after` and the anthropic-ratelimit-* headers of `rate`.
v1::Failure rate_failure(std::string_view key_name, const v1::RateState& rate, std::int64_t retry_after_ms);

}  // namespace tollgate
