// The outermost members of a JSON object with their places in the bytes, so that some can be cut out or put in front
// while all others stay byte for byte.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::bedrock {

struct Member {
  // Unescaped.
  std::string name;
  // Of the key's first quote, and behind the value.
  std::size_t begin = 0;
  std::size_t end = 0;
  // As it stands in the text.
  std::string_view value;
};

struct Outline {
  // Behind the opening brace.
  std::size_t begin = 0;
  std::vector<Member> members;
  // Not empty: the text is no JSON object, and this is why.
  std::string error;
};

// `text` may be reallocated: simdjson reads a little beyond the end. Values point into it.
Outline outline_of(std::string& text);

// `first` ("name":value,...; may be empty) and then the members that `keep` wants, with all that stands between them.
std::string rewritten(const std::string& text, const Outline& outline, std::string_view first,
                      const std::function<bool(const Member&)>& keep);

}  // namespace tollgate::bedrock
