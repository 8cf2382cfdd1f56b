// Base64 (RFC 4648, 4) as AWS writes it: the standard alphabet, padded.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tollgate::aws {

std::string base64(std::string_view bytes);

// Strict: nothing when `text` has a foreign character, a wrong length, or padding where none belongs.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace tollgate::aws
