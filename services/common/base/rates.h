// Rate limits as HTTP headers.
// Source: https://docs.anthropic.com/en/api/rate-limits#response-headers
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include "tollgate/v1/failure.pb.h"
#include "tollgate/v1/ledger.pb.h"

namespace tollgate {

// anthropic-ratelimit-requests-limit, -remaining and -reset (RFC 3339, UTC), or the same of tokens.
void add_rate_headers(const v1::RateState& rate, google::protobuf::RepeatedPtrField<v1::Header>& headers);

}  // namespace tollgate
