// What changes in a body of the Messages API for Vertex AI: the model's name stands in the path, the version in the
// body.
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/provider_adapter/anthropic/route.h"
#include "tollgate/v1/adapter.pb.h"

namespace tollgate::vertex {

using Edits = google::protobuf::RepeatedPtrField<v1::Edit>;

// The request's edits and these: `anthropic_version` in the place of the member `model` (before all others, and `model`
// stays, where tokens are counted); `user_profile_id` where `user_profile` is not empty. INVALID_REQUEST when the body
// has anthropic_version or anthropic_beta itself, which the Messages API does not take.
absl::StatusOr<Edits> edits_for(anthropic::Call call, const v1::SendRequest& request, std::string_view version,
                                std::string_view user_profile);

}  // namespace tollgate::vertex
