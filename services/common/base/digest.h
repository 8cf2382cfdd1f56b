// Digests, comparison and randomness for secrets (OpenSSL).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tollgate {

// SHA-256 as 64 lower-case hex digits.
std::string sha256_hex(std::string_view data);

// Equal contents; the time taken depends on the length alone.
bool equal_in_constant_time(std::string_view a, std::string_view b);

// `bytes` bytes of the operating system's randomness as lower-case hex digits.
std::string random_hex(std::size_t bytes);

// gen-<Unix seconds>-<20 letters and digits>: OpenRouter's form, about 119 bits of randomness.
std::string new_generation_id();

}  // namespace tollgate
