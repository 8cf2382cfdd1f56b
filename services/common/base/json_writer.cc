#include "services/common/base/json_writer.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <iterator>

namespace tollgate {
namespace {

constexpr std::array<bool, 256> kEscaped = [] {
  std::array<bool, 256> table{};
  for (std::size_t byte = 0; byte < 0x20; ++byte) {
    table[byte] = true;
  }
  table['"'] = true;
  table['\\'] = true;
  return table;
}();

// The place of the first byte from `at` on that needs an escape; the size when none does.
std::size_t find_escaped(std::string_view text, std::size_t at) {
  constexpr std::uint64_t ones = 0x0101010101010101;
  constexpr std::uint64_t tops = 0x8080808080808080;
  const auto has_zero = [](std::uint64_t eight) { return (eight - ones) & ~eight & tops; };
  // Eight bytes at a time: the lowest mark of a word is at the first such byte, those above it may be wrong.
  if constexpr (std::endian::native == std::endian::little) {
    for (; at + sizeof(std::uint64_t) <= text.size(); at += sizeof(std::uint64_t)) {
      std::uint64_t word = 0;
      std::memcpy(&word, text.data() + at, sizeof word);
      const std::uint64_t control = (word - ones * 0x20) & ~word & tops;
      const std::uint64_t marks = control | has_zero(word ^ ones * '"') | has_zero(word ^ ones * '\\');
      if (marks != 0)
        return at + static_cast<std::size_t>(std::countr_zero(marks)) / 8;
    }
  }
  while (at < text.size() && !kEscaped[static_cast<unsigned char>(text[at])])
    ++at;
  return at;
}

void append_escape(std::string& out, char byte) {
  switch (byte) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(byte));
  }
}

}  // namespace

void append_json_escaped(std::string& out, std::string_view text) {
  std::size_t from = 0;
  while (true) {
    const std::size_t at = find_escaped(text, from);
    out.append(text, from, at - from);
    if (at == text.size())
      return;
    append_escape(out, text[at]);
    from = at + 1;
  }
}

void JsonWriter::before_value() {
  if (comma_) {
    out_ += ',';
  }
  comma_ = true;
}

JsonWriter& JsonWriter::begin_object() {
  before_value();
  out_ += '{';
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::end_object() {
  out_ += '}';
  comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::begin_array() {
  before_value();
  out_ += '[';
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::end_array() {
  out_ += ']';
  comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  string(name);
  out_ += ':';
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::string(std::string_view text) {
  return open_string().string_part(text).close_string();
}

JsonWriter& JsonWriter::boolean(bool value) {
  return raw(value ? "true" : "false");
}

JsonWriter& JsonWriter::null() {
  return raw("null");
}

JsonWriter& JsonWriter::number(double value) {
  if (!std::isfinite(value)) {
    return null();
  }
  before_value();
  fmt::format_to(std::back_inserter(out_), "{}", value);
  return *this;
}

JsonWriter& JsonWriter::raw(std::string_view json) {
  before_value();
  out_ += json;
  return *this;
}

JsonWriter& JsonWriter::open_string() {
  before_value();
  out_ += '"';
  return *this;
}

JsonWriter& JsonWriter::string_part(std::string_view text) {
  append_json_escaped(out_, text);
  return *this;
}

JsonWriter& JsonWriter::close_string() {
  out_ += '"';
  return *this;
}

}  // namespace tollgate
