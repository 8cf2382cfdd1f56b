// A request's JSON with its numbers as they were written: money is never read by way of a double. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace tollgate {

struct JsonValue {
  enum class Kind { kNull, kBoolean, kNumber, kString, kArray, kObject };

  Kind kind = Kind::kNull;
  bool boolean = false;
  // A string, or a number as it was written: 1e-9.
  std::string text = {};
  // Elements of an array, members of an object.
  std::vector<JsonValue> children = {};
  // Of a member.
  std::string name = {};
};

// KIND_INVALID_REQUEST for what is not JSON, has a member twice in one object, or is deeper or wider than any
// request.
absl::StatusOr<JsonValue> parse_json(std::string_view body);

// The value in a few words, for a message.
std::string in_short(const JsonValue& value);

// A JSON number x 10^decimals, exactly; nothing for one that is negative, has further decimals or comes to more than
// `max`.
std::optional<std::int64_t> scaled(std::string_view number, int decimals, std::int64_t max);

}  // namespace tollgate
