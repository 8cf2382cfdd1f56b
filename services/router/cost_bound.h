// The most that a request can cost, before it is sent: what its hold is computed from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "services/router/prompt_traits.h"
#include "services/router/server_tools.h"
#include "tollgate/v1/catalog.pb.h"
#include "tollgate/v1/ledger.pb.h"
#include "tollgate/v1/usage.pb.h"

namespace tollgate::router {

// What of a request decides what it can cost.
struct CostAsk {
  std::size_t body_bytes = 0;
  // As asked; unset: whatever the endpoint allows.
  std::optional<std::int64_t> max_tokens = {};
  // The body's `speed`; empty when it asks for none.
  std::string speed = {};
  PromptTraits traits = {};
  ServerTools tools = {};
};

// Of the prompt, as it will probably be counted; at most the context.
std::int64_t expected_input_tokens(const CostAsk& ask, const v1::Endpoint& endpoint);

// The same as a usage: what the prompt is charged as when nobody has counted it.
v1::Usage expected_usage(const CostAsk& ask, const v1::Endpoint& endpoint);

// What the request can cost at an endpoint. Rounded up: its parts cover every cost_of() of a usage within the limits of
// the request. `advisors`: the endpoints of the models that may advise, looked at only if the request declares
// advisors.
v1::CostBound bound_of(const CostAsk& ask, const v1::Endpoint& endpoint,
                       const std::vector<const v1::Endpoint*>& advisors);

// Drops each bound that another one covers whatever the hold mode.
void keep_undominated(std::vector<v1::CostBound>& bounds);

}  // namespace tollgate::router
