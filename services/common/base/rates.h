// Rate limits as HTTP headers.
// Source: https://docs.anthropic.com/en/api/rate-limits#response-headers
#pragma once

#include <vector>

#include "tollgate/v1/failure.pb.h"
#include "tollgate/v1/ledger.pb.h"

namespace tollgate {

// anthropic-ratelimit-requests-limit, -remaining and -reset (RFC 3339, UTC), or the same of tokens.
std::vector<v1::Header> rate_headers(const v1::RateState& rate);

}  // namespace tollgate
