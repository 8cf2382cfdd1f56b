// Checks AWS Signature Version 4 as AWS does, by its own reading of the rules.
// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/simulator/request.h"

namespace tollgate::simulator {

struct AwsKey {
  std::string id;
  std::string secret;
  // Empty: a long-lived key, which must come without a token.
  std::string token;
};

// ID:SECRET or ID:SECRET:TOKEN.
std::optional<AwsKey> parse_aws_key(std::string_view text);

struct AwsRefusal {
  // InvalidSignatureException and the like.
  std::string type;
  std::string message;
};

// Nothing when the request is signed by one of `keys` for one of `services`: all of the signature, the age, the body's
// digest, and that what must be signed is.
std::optional<AwsRefusal> refuse_signature(const Request& request, const std::vector<AwsKey>& keys,
                                           const std::vector<std::string>& services,
                                           std::chrono::system_clock::time_point now);

}  // namespace tollgate::simulator
