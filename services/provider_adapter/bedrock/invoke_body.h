// What InvokeModel wants in the body, which the Messages API has in the path and in headers; the rest stays byte for
// byte. Sees no sockets.
// Source: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace tollgate::bedrock {

// Of a request to the Messages API, what moves into the body.
struct Moved {
  // The value of anthropic-version; empty: none.
  std::string version;
  // The flags of anthropic-beta.
  std::vector<std::string> betas;
  // anthropic-user-profile-id; empty: none.
  std::string user_profile;
};

// The comma-separated flags of one header line, appended.
void add_betas(std::string_view header, std::vector<std::string>& betas);

// The anthropic_version for a model: the newer one, when it was asked for and the model knows it, which those with a
// version at the end of their id (-v1, -v1:0) and those behind an ARN may not.
std::string_view invoke_version(std::string_view client_version, std::string_view model);

// `body`: the Messages API's, its model already chosen; it may be reallocated. Cuts out `model` and `stream`, and puts
// what follows from `moved` first. Fails as the API does (KIND_INVALID_REQUEST): no JSON object; a member that it does
// not have, or that anthropic-version 2026-10-21 does not have, when the model gets the older one, which would take it.
absl::StatusOr<std::string> invoke_body(std::string& body, Moved moved, std::string_view model);

// The same for a request that has the API's own form but for the user profile.
absl::StatusOr<std::string> messages_body(std::string& body, const std::string& user_profile);

// {"input":{"invokeModel":{"body":"<base64>"}}}. A max_tokens is added where there is none: it is required.
absl::StatusOr<std::string> count_tokens_body(std::string& body, Moved moved, std::string_view model);

}  // namespace tollgate::bedrock
