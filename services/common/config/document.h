// Reads a JSON object field by field and collects what is wrong with it: unknown names, wrong types, values out of
// range, each with its path, the value and what was expected.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace tollgate {

// What was found wrong, a line each.
using Problems = std::vector<std::string>;

// A JSON number of USD with at most six decimals, up to a million, as micro-USD.
std::optional<std::int64_t> micro_usd_of(const nlohmann::json& value);

// One JSON object of the document. A field that is absent leaves its variable, the default, alone. Call finish() last.
class Section {
 public:
  // `value`, `problems` outlive the section. `path` is empty for the whole document.
  Section(const nlohmann::json& value, std::string path, Problems& problems);

  // From here on secrets of this section, and of those in it, are checked for their form only and left empty.
  void leave_secrets() { resolve_secrets_ = false; }

  bool has(const char* name) const { return value_ != nullptr && value_->contains(name); }

  void text(const char* name, std::string& out);
  void required_text(const char* name, std::string& out);
  // "${VAR}" or "${file:/path}", resolved; a value in clear is refused.
  void secret(const char* name, std::string& out);
  void flag(const char* name, bool& out);
  template <class Integer>
  void integer(const char* name, Integer& out, std::int64_t min, std::int64_t max) {
    std::int64_t value = static_cast<std::int64_t>(out);
    read_integer(name, value, min, max);
    out = static_cast<Integer>(value);
  }
  // Name ends in _ms.
  void duration(const char* name, std::chrono::milliseconds& out, std::int64_t min = 1);
  // USD as a JSON number with at most six decimals, to micro-USD.
  void micro_usd(const char* name, std::int64_t& out);
  // One of `names`; sets the index.
  void choice(const char* name, const std::vector<std::string>& names, std::size_t& out);
  void texts(const char* name, std::vector<std::string>& out);
  // An object of strings; those that are references ("${VAR}", "${file:/path}") are resolved.
  void text_map(const char* name, std::map<std::string, std::string>& out);

  // An object that somebody else reads, as JSON text; its path is checked here, its members are not.
  void object(const char* name, std::string& out);
  // For forms that have no function here: known from now on, null when absent.
  const nlohmann::json* member(const char* name) { return find(name); }

  // A nested object, empty when absent.
  Section section(const char* name);
  // The elements of an array of objects, or the members of an object of objects (`names` gets their names).
  std::vector<Section> sections(const char* name, std::vector<std::string>* names = nullptr);

  void problem(const std::string& name, const std::string& text);
  const std::string& path() const { return path_; }
  void finish();

 private:
  const nlohmann::json* find(const char* name);
  void resolve(const std::string& name, const std::string& text, std::string& out);
  void wrong(const char* name, const nlohmann::json& value, const std::string& expected);
  void read_integer(const char* name, std::int64_t& out, std::int64_t min, std::int64_t max);
  std::string path_of(const std::string& name) const;

  const nlohmann::json* value_;
  std::string path_;
  Problems* problems_;
  bool resolve_secrets_ = true;
  std::set<std::string> known_;
};

}  // namespace tollgate
