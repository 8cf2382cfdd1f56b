// What a path means.
#pragma once

#include <string>
#include <string_view>

#include "gateway/framing_guard.h"

namespace tollgate {

enum class Resource {
  kUnknown,
  // Connection probes and health checks: answered without a key.
  kProbe,
  // What clients report about themselves, without a key: taken and dropped.
  kTelemetry,
  kMessages,
  kCountTokens,
  // Chat completions, as OpenAI's clients ask for them.
  kChat,
  kModels,
  kModel,
  // The caller's own key.
  kKey,
  // What a management key manages.
  kKeys,
  kManagedKey,
  kWorkspaces,
  kWorkspace,
  kCredits,
  // What was asked and what it cost.
  kActivity,
  kActivityQuery,
  kActivityRecords,
  kActivityRecord,
  kActivitySessions,
  kActivityHealth,
  kActivityExport,
  kActivityStream,
  kGeneration,
  kAnalyticsMeta,
  kAnalyticsQuery,
  // The page, and the sessions that it is signed in with.
  kDashboard,
  kSignIn,
};

// Reached with a management key only.
bool is_management(Resource resource);

// Of the activity API (activity_api.h).
bool is_activity(Resource resource);

struct Route {
  Resource resource = Resource::kUnknown;
  // What of it, percent-decoded: the model's or workspace's id, the key's hash.
  std::string id;
};

// `target` is a path with an optional query, which does not matter here. One of the prefixes /api and /anthropic may
// stand before /v1.
Route find_route(std::string_view target);

// Value of the `Allow` header; empty for an unknown resource.
std::string_view allowed_methods(Resource resource);
bool allows(Resource resource, Method method);

// Malformed escapes stay as they are.
std::string percent_decoded(std::string_view text);

// The value of `name` in the target's query, percent-decoded; empty when it is not there.
std::string query_value(std::string_view target, std::string_view name);

}  // namespace tollgate
