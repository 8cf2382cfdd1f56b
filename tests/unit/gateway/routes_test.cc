#include "gateway/routes.h"

#include <gtest/gtest.h>

namespace tollgate {
namespace {

struct Row {
  std::string target;
  Resource resource;
  std::string id = {};
};

TEST(Routes, AnyPrefixAndAnyQuery) {
  for (const std::string prefix : {"", "/api", "/anthropic"}) {
    for (const std::string query : {"", "?", "?beta=true", "?a=/v1/models", "?limit=1000&x=%2F"}) {
      const std::vector<Row> rows = {
          {"/v1/messages", Resource::kMessages},
          {"/v1/messages/count_tokens", Resource::kCountTokens},
          {"/v1/chat/completions", Resource::kChat},
          {"/v1/models", Resource::kModels},
          {"/v1/models/claude-sonnet-4", Resource::kModel, "claude-sonnet-4"},
          {"/v1/models/anthropic/claude-sonnet-4", Resource::kModel, "anthropic/claude-sonnet-4"},
          {"/v1/models/anthropic%2Fclaude-sonnet-4", Resource::kModel, "anthropic/claude-sonnet-4"},
          {"/v1/models/a%2fb%3Anitro", Resource::kModel, "a/b:nitro"},
          {"/v1/models/a%zz%2", Resource::kModel, "a%zz%2"},
          {"/v1/key", Resource::kKey},
          {"/v1/auth/key", Resource::kKey},
          {"/v1/keys", Resource::kKeys},
          {"/v1/keys/0a1b", Resource::kManagedKey, "0a1b"},
          {"/v1/workspaces", Resource::kWorkspaces},
          {"/v1/workspaces/default", Resource::kWorkspace, "default"},
          {"/v1/workspaces/a%2Fb", Resource::kWorkspace, "a/b"},
          {"/v1/credits", Resource::kCredits},
          {"/v1/activity", Resource::kActivity},
          {"/v1/activity/query", Resource::kActivityQuery},
          {"/v1/activity/records", Resource::kActivityRecords},
          {"/v1/activity/records/gen-1", Resource::kActivityRecord, "gen-1"},
          {"/v1/activity/sessions", Resource::kActivitySessions},
          {"/v1/activity/health", Resource::kActivityHealth},
          {"/v1/activity/export", Resource::kActivityExport},
          {"/v1/activity/stream", Resource::kActivityStream},
          {"/v1/generation", Resource::kGeneration},
          {"/v1/analytics/meta", Resource::kAnalyticsMeta},
          {"/v1/analytics/query", Resource::kAnalyticsQuery},
      };
      for (const Row& row : rows) {
        const Route route = find_route(prefix + row.target + query);
        EXPECT_EQ(route.resource, row.resource) << prefix << row.target << query;
        EXPECT_EQ(route.id, row.id) << prefix << row.target << query;
      }
    }
  }
}

TEST(Routes, ProbesTelemetryAndTheRest) {
  const std::vector<Row> rows = {
      {"/", Resource::kProbe},
      {"/?x", Resource::kProbe},
      {"/api", Resource::kProbe},
      {"/api/", Resource::kProbe},
      {"/api/hello", Resource::kProbe},
      {"/api/api/hello", Resource::kProbe},
      {"/anthropic/api/hello", Resource::kProbe},
      {"/health", Resource::kProbe},
      {"/healthz", Resource::kProbe},
      {"/api/event_logging/batch", Resource::kTelemetry},
      {"/api/api/event_logging/batch", Resource::kTelemetry},
      {"/api/api/event_logging/v2/batch", Resource::kTelemetry},
      {"/api/claude_code/metrics", Resource::kTelemetry},
      {"/v1/messages/batches", Resource::kUnknown},
      {"/v1/messages/", Resource::kUnknown},
      {"/v1/messagesx", Resource::kUnknown},
      {"/v1/v1/messages", Resource::kUnknown},
      {"/api/v1/v1/messages", Resource::kUnknown},
      {"/v1", Resource::kUnknown},
      {"/v1/", Resource::kUnknown},
      {"/v1/models/", Resource::kUnknown},
      {"/v1/keys/", Resource::kUnknown},
      {"/v1/workspaces/", Resource::kUnknown},
      {"/v1/credits/", Resource::kUnknown},
      {"/dashboards", Resource::kUnknown},
      {"/api/dashboard", Resource::kUnknown},
      {"/v1/key/x", Resource::kUnknown},
      {"/keys", Resource::kUnknown},
      {"/v2/messages", Resource::kUnknown},
      {"/apiv1/messages", Resource::kUnknown},
      {"/api/anthropic/v1/messages", Resource::kUnknown},
      {"//v1/messages", Resource::kUnknown},
      {"/v1//messages", Resource::kUnknown},
      {"/V1/messages", Resource::kUnknown},
      {"/v1/%6dessages", Resource::kUnknown},
      {"/v1/../v1/messages", Resource::kUnknown},
      {"/favicon.ico", Resource::kUnknown},
  };
  for (const Row& row : rows)
    EXPECT_EQ(find_route(row.target).resource, row.resource) << row.target;
}

TEST(Routes, Methods) {
  EXPECT_TRUE(allows(Resource::kMessages, Method::kPost));
  EXPECT_FALSE(allows(Resource::kMessages, Method::kGet));
  EXPECT_FALSE(allows(Resource::kMessages, Method::kDelete));
  EXPECT_TRUE(allows(Resource::kModels, Method::kHead));
  EXPECT_FALSE(allows(Resource::kModels, Method::kPost));
  for (Resource resource : {Resource::kKeys, Resource::kWorkspaces})
    EXPECT_EQ(allowed_methods(resource), "GET, HEAD, POST, OPTIONS");
  for (Resource resource : {Resource::kManagedKey, Resource::kWorkspace})
    EXPECT_EQ(allowed_methods(resource), "GET, HEAD, PATCH, DELETE, OPTIONS");
  EXPECT_EQ(allowed_methods(Resource::kCredits), "GET, HEAD, OPTIONS");
  EXPECT_TRUE(allows(Resource::kKey, Method::kGet));
  EXPECT_TRUE(allows(Resource::kTelemetry, Method::kPost));
  EXPECT_FALSE(allows(Resource::kUnknown, Method::kGet));
}

TEST(Routes, QueryValues) {
  EXPECT_EQ(query_value("/v1/models?limit=5&after_id=a%2Fb", "limit"), "5");
  EXPECT_EQ(query_value("/v1/models?limit=5&after_id=a%2Fb", "after_id"), "a/b");
  EXPECT_EQ(query_value("/v1/models?xlimit=5", "limit"), "");
  EXPECT_EQ(query_value("/v1/models?limit", "limit"), "");
  EXPECT_EQ(query_value("/v1/models", "limit"), "");
}

TEST(Routes, TheDashboardStandsAlone) {
  for (const char* target : {"/dashboard", "/dashboard/", "/dashboard?by=key", "/dashboard/requests/gen-1",
                             "/dashboard/sessions", "/dashboard/session/", "/dashboard/v1/messages"})
    EXPECT_EQ(find_route(target).resource, Resource::kDashboard) << target;
  EXPECT_EQ(find_route("/dashboard/session?x").resource, Resource::kSignIn);
  EXPECT_EQ(allowed_methods(Resource::kSignIn), "GET, HEAD, POST, DELETE, OPTIONS");
}

}  // namespace
}  // namespace tollgate
