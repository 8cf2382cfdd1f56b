#include "gateway/routes.h"

#include "gateway/ascii.h"

namespace tollgate {
namespace {

// Behind /v1.
struct Place {
  std::string_view path;
  Resource resource;
};

constexpr Place kPlaces[] = {
    {"/chat/completions", Resource::kChat},
    {"/messages", Resource::kMessages},
    {"/messages/count_tokens", Resource::kCountTokens},
    {"/models", Resource::kModels},
    {"/key", Resource::kKey},
    {"/auth/key", Resource::kKey},
    {"/keys", Resource::kKeys},
    {"/workspaces", Resource::kWorkspaces},
    {"/credits", Resource::kCredits},
    {"/activity", Resource::kActivity},
    {"/activity/query", Resource::kActivityQuery},
    {"/activity/records", Resource::kActivityRecords},
    {"/activity/sessions", Resource::kActivitySessions},
    {"/activity/health", Resource::kActivityHealth},
    {"/activity/export", Resource::kActivityExport},
    {"/activity/stream", Resource::kActivityStream},
    {"/generation", Resource::kGeneration},
    {"/analytics/meta", Resource::kAnalyticsMeta},
    {"/analytics/query", Resource::kAnalyticsQuery},
};

// With an id behind them.
constexpr Place kItems[] = {
    {"/models/", Resource::kModel},
    {"/keys/", Resource::kManagedKey},
    {"/workspaces/", Resource::kWorkspace},
    {"/activity/records/", Resource::kActivityRecord},
};

bool is_probe(std::string_view path) {
  return path == "/" || path == "/api" || path == "/api/" || path == "/health" || path == "/healthz" ||
         path.ends_with("/api/hello");
}

bool is_telemetry(std::string_view path) {
  return path.find("/api/event_logging/") != std::string_view::npos || path.ends_with("/api/claude_code/metrics");
}

// What stands behind [/api|/anthropic]/v1; empty when that is not there.
std::string_view behind_version(std::string_view path) {
  for (std::string_view prefix : {"/api", "/anthropic"}) {
    if (path.starts_with(prefix)) {
      path.remove_prefix(prefix.size());
      break;
    }
  }
  constexpr std::string_view version = "/v1";
  return path.starts_with(version) ? path.substr(version.size()) : std::string_view();
}

}  // namespace

std::string percent_decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size();
    const int high = escape ? hex_value(text[i + 1]) : -1;
    const int low = escape ? hex_value(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      out += text[i];
      continue;
    }
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

bool is_activity(Resource resource) {
  switch (resource) {
    case Resource::kActivity:
    case Resource::kActivityQuery:
    case Resource::kActivityRecords:
    case Resource::kActivityRecord:
    case Resource::kActivitySessions:
    case Resource::kActivityHealth:
    case Resource::kActivityExport:
    case Resource::kActivityStream:
    case Resource::kGeneration:
    case Resource::kAnalyticsMeta:
    case Resource::kAnalyticsQuery:
      return true;
    default:
      return false;
  }
}

bool is_management(Resource resource) {
  switch (resource) {
    case Resource::kKeys:
    case Resource::kManagedKey:
    case Resource::kWorkspaces:
    case Resource::kWorkspace:
    case Resource::kCredits:
      return true;
    default:
      return false;
  }
}

Route find_route(std::string_view target) {
  const std::string_view path = target.substr(0, target.find('?'));
  if (path == "/dashboard/session")
    return {.resource = Resource::kSignIn, .id = {}};
  if (path == "/dashboard" || path.starts_with("/dashboard/"))
    return {.resource = Resource::kDashboard, .id = {}};
  const std::string_view tail = behind_version(path);
  for (const Place& place : kPlaces) {
    if (tail == place.path)
      return {.resource = place.resource, .id = {}};
  }
  for (const Place& place : kItems) {
    if (tail.starts_with(place.path) && tail.size() > place.path.size())
      return {.resource = place.resource, .id = percent_decoded(tail.substr(place.path.size()))};
  }
  if (is_probe(path))
    return {.resource = Resource::kProbe, .id = {}};
  if (is_telemetry(path))
    return {.resource = Resource::kTelemetry, .id = {}};
  return {};
}

std::string_view allowed_methods(Resource resource) {
  switch (resource) {
    case Resource::kUnknown:
      return {};
    case Resource::kMessages:
    case Resource::kCountTokens:
    case Resource::kChat:
    case Resource::kTelemetry:
    case Resource::kAnalyticsQuery:
      return "POST, OPTIONS";
    case Resource::kActivityExport:
    case Resource::kActivityStream:
      return "GET, OPTIONS";
    case Resource::kProbe:
    case Resource::kModels:
    case Resource::kModel:
    case Resource::kKey:
    case Resource::kCredits:
    case Resource::kActivity:
    case Resource::kActivityQuery:
    case Resource::kActivityRecords:
    case Resource::kActivityRecord:
    case Resource::kActivitySessions:
    case Resource::kActivityHealth:
    case Resource::kGeneration:
    case Resource::kAnalyticsMeta:
    case Resource::kDashboard:
      return "GET, HEAD, OPTIONS";
    case Resource::kSignIn:
      return "GET, HEAD, POST, DELETE, OPTIONS";
    case Resource::kKeys:
    case Resource::kWorkspaces:
      return "GET, HEAD, POST, OPTIONS";
    case Resource::kManagedKey:
    case Resource::kWorkspace:
      return "GET, HEAD, PATCH, DELETE, OPTIONS";
  }
  return {};
}

bool allows(Resource resource, Method method) {
  bool found = false;
  for_each_element(allowed_methods(resource), [&](std::string_view name) { found |= name == name_of(method); });
  return found;
}

std::string query_value(std::string_view target, std::string_view name) {
  const auto mark = target.find('?');
  std::string_view query = mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
  while (!query.empty()) {
    const auto end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    const auto equals = pair.find('=');
    if (pair.substr(0, equals) == name && equals != std::string_view::npos)
      return percent_decoded(pair.substr(equals + 1));
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
  }
  return {};
}

}  // namespace tollgate
