// The forms in which AWS hands out credentials: a profile of the shared file, JSON of the endpoints for containers and
// instances, XML of STS. Sees neither files nor sockets.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/provider_adapter/aws/sigv4.h"

namespace tollgate::aws {

struct TimedCredentials {
  Credentials credentials;
  // Unset: they do not expire.
  std::optional<std::chrono::system_clock::time_point> expires;
  // Where they are from, for a person.
  std::string source;
};

// 2026-01-02T03:04:05Z, with or without a fraction.
std::optional<std::chrono::system_clock::time_point> parse_time(std::string_view text);

// Errors of all say what is missing; they never repeat a value.

// `text`: the whole shared credentials file.
absl::StatusOr<TimedCredentials> read_profile(std::string_view text, std::string_view profile);
// {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"}
absl::StatusOr<TimedCredentials> read_endpoint_json(const std::string& json);
// The answer to AssumeRoleWithWebIdentity.
absl::StatusOr<TimedCredentials> read_sts_xml(std::string_view xml);
// "AccessDenied: Not authorized ..." out of an error of STS; empty when there is none.
std::string read_sts_error(std::string_view xml);

}  // namespace tollgate::aws
