// What the bodies of the management API ask for. Strict: what is unknown or wrong is KIND_INVALID_REQUEST and named.
//
// Limits are given as OpenRouter does, one by `limit` and `limit_reset`, or as `limits`, several at once. Null removes
// what a member sets. Pure.
#pragma once

#include "absl/status/statusor.h"
#include "gateway/json_body.h"
#include "tollgate/v1/keys.pb.h"
#include "tollgate/v1/workspaces.pb.h"

namespace tollgate {

absl::StatusOr<v1::CreateKeyRequest> read_create_key(const JsonValue& body);
// `current`: what the members that set half of something leave as it is.
absl::StatusOr<v1::UpdateKeyRequest> read_update_key(const JsonValue& body, const v1::Key& current);

absl::StatusOr<v1::CreateWorkspaceRequest> read_create_workspace(const JsonValue& body);
absl::StatusOr<v1::UpdateWorkspaceRequest> read_update_workspace(const JsonValue& body, const v1::Workspace& current);

}  // namespace tollgate
