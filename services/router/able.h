// Which candidates take what a request has.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "services/router/candidates.h"

namespace tollgate::router {

// Drops those whose model takes no system messages within the conversation from a request that has one. When none is
// left, INVALID_REQUEST in words that clients know to send the request again without. `body` as in
// has_system_message().
absl::Status keep_able(const std::string& body, std::vector<Candidate>& candidates);

}  // namespace tollgate::router
