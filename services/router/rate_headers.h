// The rate limits of a key as the Messages API tells them.
// Source: https://docs.anthropic.com/en/api/rate-limits#response-headers
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <vector>

#include "tollgate/v1/failure.pb.h"
#include "tollgate/v1/ledger.pb.h"

namespace tollgate::router {

// anthropic-ratelimit-requests-limit, -remaining and -reset, and the same of tokens: for each limit that there is.
std::vector<v1::Header> rate_headers(const google::protobuf::RepeatedPtrField<v1::RateState>& rates);

}  // namespace tollgate::router
