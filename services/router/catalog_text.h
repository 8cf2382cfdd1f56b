// A catalog as it is written, for tools that show it.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace tollgate::router {

// An empty path: the built-in one.
absl::StatusOr<std::string> catalog_text(const std::string& path);

// The upstreams that its endpoints name, in either form. Empty when it is not well-formed, which who loads it is told.
std::set<std::string> catalog_upstreams(const std::string& text);

// Where the prices of an endpoint come from: "pi: @earendil-works/pi-ai 1.5.2 of 2026-11-10, MIT", a line each. Empty
// in a catalog that does not say.
std::string price_sources(const std::string& text, std::string_view upstream, std::string_view model);

}  // namespace tollgate::router
