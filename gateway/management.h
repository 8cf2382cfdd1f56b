// The management API: keys, workspaces and credits, for those who show a management key.
//
//   GET, POST          /v1/keys         GET, PATCH, DELETE  /v1/keys/{hash}
//   GET, POST          /v1/workspaces   GET, PATCH, DELETE  /v1/workspaces/{id}
//   GET                /v1/credits
//
// Compatible with OpenRouter's clients; these go on for an hour where the answer is a 5xx, so nothing that lasts is
// one. Source: https://openrouter.ai/docs/api-reference/api-keys
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "gateway/framing_guard.h"
#include "gateway/response.h"
#include "gateway/routes.h"
#include "services/common/api/keys.h"
#include "services/common/api/workspaces.h"

namespace tollgate {

// No request that means something is larger.
inline constexpr std::uint64_t kManagementBodyBytes = 64 * 1024;

struct ManagementRequest {
  Resource resource = Resource::kUnknown;
  Method method = Method::kGet;
  // Of the key or workspace.
  std::string id;
  std::string api_key;
  // With the query.
  std::string target;
  std::string body;
};

// Does what is asked. UNAUTHENTICATED or PERMISSION_DENIED before anything else is looked at.
Awaitable<absl::StatusOr<Answer>> manage(Keys& keys, Workspaces& workspaces, const ManagementRequest& request);

}  // namespace tollgate
