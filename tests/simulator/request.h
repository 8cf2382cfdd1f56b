// A request as it stood on the wire.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tollgate::simulator {

// In wire order, names in wire case.
using Headers = std::vector<std::pair<std::string, std::string>>;

bool same_header_name(std::string_view a, std::string_view b);

// The first value of that name, in any case; empty: none.
std::string_view find_header(const Headers& headers, std::string_view name);

struct Request {
  std::string method;
  std::string target;
  // 10 * major + minor.
  int version = 11;
  Headers headers;
  // Chunked bodies are decoded. Has at least 64 bytes of spare capacity, which simdjson wants.
  std::string body;

  std::string_view header(std::string_view name) const { return find_header(headers, name); }
  // The target without its query.
  std::string_view path() const { return std::string_view(target).substr(0, target.find('?')); }
};

// %XX decoded; a malformed escape stays as it is.
std::string percent_decoded(std::string_view text);

}  // namespace tollgate::simulator
