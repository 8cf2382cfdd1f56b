// Where a program on AWS finds its credentials, in the order of AWS' own libraries.
// Source: https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "services/provider_adapter/aws/credential_texts.h"
#include "services/provider_adapter/http/connection.h"

namespace tollgate::aws {

// Reads an environment variable; empty and unset are the same.
using Environment = std::function<std::string(const char*)>;
std::string process_environment(const char* name);

struct ChainOptions {
  std::string region;
  // Not empty: this profile of the shared file, and nothing else.
  std::string profile;
  Environment environment = process_environment;
};

// 1. AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
// 2. AWS_WEB_IDENTITY_TOKEN_FILE with AWS_ROLE_ARN: STS, as on EKS (AWS_ENDPOINT_URL_STS: another address)
// 3. the profile AWS_PROFILE, or `default`, of AWS_SHARED_CREDENTIALS_FILE, or ~/.aws/credentials
// 4. AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI, as on ECS and EKS
// 5. the instance metadata service, version 2, unless AWS_EC2_METADATA_DISABLED is true
// The first that is there counts: when it fails, no other identity takes its place. The error names what was tried.
// Used on one shard; cancellation by exception.
Awaitable<absl::StatusOr<TimedCredentials>> find_credentials(asio::io_context& context, Deadlines& deadlines,
                                                             const ChainOptions& options);

}  // namespace tollgate::aws
