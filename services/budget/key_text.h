// Keys, amounts and times as text: what a person reads, and what may become part of a name in Redis. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace tollgate {

inline constexpr std::string_view kSecretPrefix = "sk-tg-v1-";

// A new secret: the prefix and 64 hex digits, 256 bits of randomness.
std::string new_secret();

// sk-tg-v1-ab12...cd34
std::string mask_secret(std::string_view secret);

// 64 lower-case hex digits.
bool is_key_hash(std::string_view text);
// 1 to 64 of A-Z a-z 0-9 _ . -
bool is_workspace(std::string_view text);
// 1 to 128 printable ASCII characters, no space.
bool is_generation_id(std::string_view text);

// 1 to `most` characters of UTF-8 and no control characters, otherwise KIND_INVALID_REQUEST. `field` says what it is.
absl::Status check_text(std::string_view field, std::string_view text, std::size_t most);
// 1 to 200 characters of UTF-8 and no control characters, otherwise KIND_INVALID_REQUEST. Of keys and workspaces.
absl::Status check_name(std::string_view name);
absl::Status check_workspace_id(std::string_view id);
// Empty, or a `provider` object of at most 8 KB, otherwise KIND_INVALID_REQUEST.
absl::Status check_preferences(std::string_view json);
// 0 to kMaxNanoUsd, otherwise KIND_INVALID_REQUEST. `field` says what it is.
absl::Status check_amount(std::string_view field, std::int64_t nano_usd);

// 2026-11-25T00:00:00Z
std::string format_utc(std::int64_t unix_seconds);

}  // namespace tollgate
