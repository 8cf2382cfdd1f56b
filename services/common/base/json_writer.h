// Writes JSON straight into a string, without a tree in between: for bodies and events on the way of a request.
//
//   JsonWriter json(out);
//   json.begin_object().member("id", id).key("content").begin_array().string(text).end_array().end_object();
//
// Commas are put where they belong. Balance is the caller's: one value after each key, an end for each begin.
// Texts must be UTF-8, as what simdjson has read is; they are escaped as RFC 8259 asks and no further.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace tollgate {

// Appends the text as it stands between quotes.
void append_json_escaped(std::string& out, std::string_view text);

class JsonWriter {
 public:
  // Appends to `out`, which must outlive the writer. What stands there already is left alone.
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);

  JsonWriter& string(std::string_view text);
  JsonWriter& boolean(bool value);
  JsonWriter& null();
  // The shortest text that reads back as the same number; null when there is none.
  JsonWriter& number(double value);
  template <std::integral Integer>
  requires(!std::same_as<Integer, bool>) JsonWriter& number(Integer value) { return raw(std::to_string(value)); }
  // A value that is JSON already, as it stands.
  JsonWriter& raw(std::string_view json);

  // One string from parts: open_string(), string_part() any number of times, close_string().
  JsonWriter& open_string();
  JsonWriter& string_part(std::string_view text);
  JsonWriter& close_string();

  JsonWriter& member(std::string_view name, std::string_view text) { return key(name).string(text); }
  JsonWriter& member(std::string_view name, const char* text) { return key(name).string(text); }
  JsonWriter& member(std::string_view name, const std::string& text) { return key(name).string(text); }
  JsonWriter& member(std::string_view name, std::same_as<bool> auto value) { return key(name).boolean(value); }
  JsonWriter& member(std::string_view name, double value) { return key(name).number(value); }
  template <std::integral Integer>
  requires(!std::same_as<Integer, bool>) JsonWriter& member(std::string_view name, Integer value) {
    return key(name).number(value);
  }
  JsonWriter& raw_member(std::string_view name, std::string_view json) { return key(name).raw(json); }

 private:
  void before_value();

  std::string& out_;
  bool comma_ = false;
};

}  // namespace tollgate
