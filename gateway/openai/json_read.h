// Small helpers to read a request's JSON.
#pragma once

#include <simdjson.h>

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace tollgate::chat {

using Element = simdjson::dom::element;

// KIND_INVALID_REQUEST: `what` is wrong with the member at `path`.
absl::Status bad(std::string_view path, std::string_view what);

// The member, unless it is not there or null.
std::optional<Element> find(const simdjson::dom::object& object, std::string_view name);

// The string, unless it is none.
std::optional<std::string_view> text_of(Element value);
std::optional<std::string_view> find_text(const simdjson::dom::object& object, std::string_view name);

// Compact JSON.
std::string json_of(Element value);

}  // namespace tollgate::chat
