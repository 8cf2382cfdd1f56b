// Gets one access token for an identity, by whatever exchange Google has for it.
#pragma once

#include <chrono>
#include <string>

#include "absl/status/statusor.h"
#include "services/provider_adapter/google/credentials.h"
#include "services/provider_adapter/google/fetch.h"

namespace tollgate::gcp {

struct AccessToken {
  std::string value;
  std::chrono::seconds lifetime{0};
};

// Errors carry a Failure (of kind UPSTREAM_AUTH, or the kind of what failed on the way) whose message names the step
// that failed; what Google says about the credentials is logged and not part of it. `name`: of the upstream. `now`: for
// the claims of a service account. All arguments outlive the call. Cancellation by exception.
Awaitable<absl::StatusOr<AccessToken>> exchange(const Credentials& credentials, const std::string& name,
                                                Fetcher& fetcher, std::chrono::system_clock::time_point now);

// name=value&..., percent-encoded.
std::string form(const std::vector<std::pair<std::string_view, std::string_view>>& fields);

}  // namespace tollgate::gcp
