// JSON files written by people: comments allowed, errors with their line.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"

namespace tollgate {

// The error names the file, the line and what the parser met. Duplicate members of an object are an error: one of
// them would be ignored in silence.
absl::StatusOr<nlohmann::json> read_json_file(const std::string& path);
absl::StatusOr<nlohmann::json> parse_json(const std::string& text, const std::string& name);

}  // namespace tollgate
