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
  kModels,
  kModel,
  kKey,
};

struct Route {
  Resource resource = Resource::kUnknown;
  // The model's id, percent-decoded; only with kModel.
  std::string model;
};

// `target` is a path with an optional query, which does not matter here. One of the prefixes /api and /anthropic may
// stand before /v1.
Route find_route(std::string_view target);

// Value of the `Allow` header; empty for an unknown resource.
std::string_view allowed_methods(Resource resource);
bool allows(Resource resource, Method method);

// The value of `name` in the target's query, percent-decoded; empty when it is not there.
std::string query_value(std::string_view target, std::string_view name);

}  // namespace tollgate
