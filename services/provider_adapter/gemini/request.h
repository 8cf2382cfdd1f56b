// A request of the Messages API as a GenerateContentRequest.
// Source: https://ai.google.dev/api/generate-content
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/provider_adapter/translation/envelope.h"
#include "services/provider_adapter/translation/messages_request.h"

namespace tollgate::gemini {

// Whom a request is written for.
struct Destination {
  // Name of the configured upstream, and the model as it calls it.
  std::string_view upstream;
  std::string_view model;
  // On Google Cloud, which has no ids of calls and wants counts asked for in another way.
  bool vertex = false;
  // Signatures are left out, those of this upstream too: it refused one.
  bool without_signatures = false;
};

// Errors carry a Failure: what no Gemini model takes is KIND_UNSUPPORTED, so that another upstream may take it. What is
// left out on the way is listed in README.md.
absl::StatusOr<std::string> generate_body(const translation::MessagesRequest& request, const Destination& destination,
                                          const translation::Envelopes& envelopes);

// Of countTokens: system and tools included.
absl::StatusOr<std::string> count_body(const translation::MessagesRequest& request, const Destination& destination,
                                       const translation::Envelopes& envelopes);

}  // namespace tollgate::gemini
