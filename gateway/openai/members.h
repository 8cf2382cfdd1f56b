// Which members a chat completion request may have.
#pragma once

#include <simdjson.h>

#include "absl/status/status.h"

namespace tollgate::chat {

// KIND_INVALID_REQUEST for a member that is unknown, stands twice, or asks for what cannot be had here; it is named.
absl::Status check_members(const simdjson::dom::object& request);

}  // namespace tollgate::chat
