// Who is calling: from a key in clear to its record.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/common/api/keys.h"

namespace tollgate {

// SHA-256 of the key; UNAUTHENTICATED when there is none, saying how to send one.
absl::StatusOr<std::string> key_hash_of(std::string_view api_key);

// OK when the key with this hash exists, is enabled and has not expired; else UNAUTHENTICATED, or UNAVAILABLE when
// nobody can say. An admission by the ledger checks the same in its own script: this is for calls that cost nothing.
Awaitable<absl::Status> authenticate(Keys& keys, std::string key_hash);

// The record of a key in clear, or of the key that a session's token stands for, under the same conditions.
Awaitable<absl::StatusOr<v1::Key>> authenticated_key(Keys& keys, std::string api_key);

// The same for a key in clear.
Awaitable<absl::Status> authenticate_key(Keys& keys, std::string api_key);

}  // namespace tollgate
