// What a caller shows: pieces that every edge reads alike.
#pragma once

#include <string_view>

namespace tollgate {

// How every key of Tollgate begins; what does not is some other credential.
inline constexpr std::string_view kKeyPrefix = "sk-tg-";

// How the token of a session begins (sign_in.proto), which stands for a key.
inline constexpr std::string_view kSessionPrefix = "sk-tg-session-";

// The token of an Authorization value; empty when the scheme is not Bearer. The scheme's case does not count (RFC 9110,
// 11.1). Points into `authorization`.
std::string_view bearer_token(std::string_view authorization);

}  // namespace tollgate
