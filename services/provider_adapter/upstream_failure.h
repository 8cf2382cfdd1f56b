// Failures of an upstream in Tollgate's own words.
#pragma once

#include <string>
#include <string_view>

#include "services/common/base/errors.h"

namespace tollgate {

// Status and error type follow from `kind`, as for every failure of Tollgate's own.
v1::Failure upstream_failure(FailureKind kind, std::string_view upstream, std::string message);

// No connection to it came about: DNS, TCP or TLS.
v1::Failure unreachable_upstream(FailureKind kind, std::string_view upstream, std::string message);

// The upstream answered, but not as the API would: 502 api_error, of kind unavailable.
v1::Failure bad_response(std::string_view upstream, std::string message);

}  // namespace tollgate
