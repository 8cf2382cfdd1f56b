#include "tests/simulator/json_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace tollgate::simulator {

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20)
          fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
        else
          out += c;
    }
  }
  out += '"';
}

std::string json_string(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  append_json_string(out, text);
  return out;
}

std::string_view utf8_prefix(std::string_view text, std::size_t size) {
  auto continues = [&](std::size_t i) { return (static_cast<unsigned char>(text[i]) & 0xc0) == 0x80; };
  if (size >= text.size())
    return text;
  std::size_t end = size;
  while (end > 0 && continues(end))
    --end;
  if (end == 0)
    for (end = 1; end < text.size() && continues(end); ++end) {
    }
  return text.substr(0, end);
}

}  // namespace tollgate::simulator
