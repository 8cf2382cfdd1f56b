// Writing JSON into a string, fast and in the order in which it is written.
#pragma once

#include <string>
#include <string_view>

namespace tollgate::simulator {

// Appends `text` as a JSON string, quotes included. `text` is UTF-8.
void append_json_string(std::string& out, std::string_view text);

std::string json_string(std::string_view text);

// The longest prefix of at most `size` bytes that ends between two UTF-8 characters; at least one character.
std::string_view utf8_prefix(std::string_view text, std::size_t size);

}  // namespace tollgate::simulator
