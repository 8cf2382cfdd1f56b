#include "services/common/config/document.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

namespace tollgate {
namespace {

using nlohmann::json;

std::string shown(const json& value) {
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  constexpr std::size_t limit = 60;
  return text.size() <= limit ? text : text.substr(0, limit) + "...";
}

std::optional<std::string> file_contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    return std::nullopt;
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  // Editors and `kubectl create secret --from-file` leave a newline.
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
    text.pop_back();
  return text;
}

}  // namespace

std::optional<std::int64_t> micro_usd_of(const json& value) {
  constexpr double most = 1e6;
  const double usd = value.is_number() ? value.get<double>() : -1;
  const double micro = std::round(usd * 1e6);
  if (usd < 0 || usd > most || std::abs(usd * 1e6 - micro) > 1e-3)
    return std::nullopt;
  return static_cast<std::int64_t>(micro);
}

Section::Section(const json& value, std::string path, Problems& problems)
    : value_(&value), path_(std::move(path)), problems_(&problems) {
  if (!value.is_object()) {
    problems.push_back(
        fmt::format("{}: expected an object, found {}", path_.empty() ? "the document" : path_, shown(value)));
    value_ = nullptr;
  }
}

std::string Section::path_of(const std::string& name) const {
  return path_.empty() ? name : path_ + "." + name;
}

const json* Section::find(const char* name) {
  known_.insert(name);
  if (value_ == nullptr)
    return nullptr;
  auto found = value_->find(name);
  return found == value_->end() ? nullptr : &*found;
}

void Section::problem(const std::string& name, const std::string& text) {
  problems_->push_back(fmt::format("{}: {}", path_of(name), text));
}

void Section::wrong(const char* name, const json& value, const std::string& expected) {
  problem(name, fmt::format("expected {}, found {}", expected, shown(value)));
}

void Section::text(const char* name, std::string& out) {
  const json* value = find(name);
  if (value == nullptr)
    return;
  if (!value->is_string())
    return wrong(name, *value, "a string");
  out = value->get<std::string>();
}

void Section::required_text(const char* name, std::string& out) {
  text(name, out);
  if (value_ != nullptr && out.empty() && (!has(name) || (*value_)[name].is_string()))
    problem(name, "is required");
}

void Section::secret(const char* name, std::string& out) {
  const json* value = find(name);
  if (value == nullptr)
    return;
  constexpr const char* expected = "a reference, \"${VARIABLE}\" or \"${file:/path}\"";
  const std::string text = value->is_string() ? value->get<std::string>() : std::string();
  if (text.size() < 4 || text.rfind("${", 0) != 0 || text.back() != '}')
    // The value may be a secret written in clear: it is not repeated.
    return problem(name, fmt::format("expected {}; secrets do not stand in the file", expected));
  resolve(name, text, out);
}

void Section::resolve(const std::string& name, const std::string& text, std::string& out) {
  if (!resolve_secrets_)
    return;
  const std::string reference = text.substr(2, text.size() - 3);
  if (reference.rfind("file:", 0) == 0) {
    auto contents = file_contents(reference.substr(5));
    if (!contents)
      return problem(name, fmt::format("the file {} cannot be read", reference.substr(5)));
    out = *contents;
    return;
  }
  const char* variable = std::getenv(reference.c_str());
  if (variable == nullptr)
    return problem(name, fmt::format("the environment variable {} is not set", reference));
  out = variable;
}

void Section::flag(const char* name, bool& out) {
  const json* value = find(name);
  if (value == nullptr)
    return;
  if (!value->is_boolean())
    return wrong(name, *value, "true or false");
  out = value->get<bool>();
}

void Section::read_integer(const char* name, std::int64_t& out, std::int64_t min, std::int64_t max) {
  const json* value = find(name);
  if (value == nullptr)
    return;
  const bool fits =
      value->is_number_integer() &&
      (!value->is_number_unsigned() ||
       value->get<std::uint64_t>() <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
  if (!fits || value->get<std::int64_t>() < min || value->get<std::int64_t>() > max)
    return wrong(name, *value, fmt::format("a whole number from {} to {}", min, max));
  out = value->get<std::int64_t>();
}

void Section::duration(const char* name, std::chrono::milliseconds& out, std::int64_t min) {
  constexpr std::int64_t year = 365ll * 24 * 3600 * 1000;
  std::int64_t value = out.count();
  read_integer(name, value, min, year);
  out = std::chrono::milliseconds(value);
}

void Section::micro_usd(const char* name, std::int64_t& out) {
  const json* value = find(name);
  if (value == nullptr)
    return;
  const std::optional<std::int64_t> micro = micro_usd_of(*value);
  if (!micro)
    return wrong(name, *value, "an amount in USD with at most six decimals");
  out = *micro;
}

void Section::choice(const char* name, const std::vector<std::string>& names, std::size_t& out) {
  const json* value = find(name);
  if (value == nullptr)
    return;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (value->is_string() && value->get_ref<const std::string&>() == names[i]) {
      out = i;
      return;
    }
  }
  wrong(name, *value, fmt::format("one of {}", fmt::join(names, ", ")));
}

void Section::text_map(const char* name, std::map<std::string, std::string>& out) {
  const json* value = find(name);
  if (value == nullptr)
    return;
  const auto is_string = [](const json& element) { return element.is_string(); };
  if (!value->is_object() || !std::all_of(value->begin(), value->end(), is_string))
    return wrong(name, *value, "an object of strings");
  out = value->get<std::map<std::string, std::string>>();
  for (auto& [key, text] : out) {
    if (text.starts_with("${") && text.ends_with("}")) {
      const std::string reference = std::exchange(text, "");
      resolve(fmt::format("{}.{}", name, key), reference, text);
    }
  }
}

void Section::texts(const char* name, std::vector<std::string>& out) {
  const json* value = find(name);
  if (value == nullptr)
    return;
  if (!value->is_array())
    return wrong(name, *value, "an array of strings");
  out.clear();
  for (const json& element : *value) {
    if (!element.is_string())
      return wrong(name, *value, "an array of strings");
    out.push_back(element.get<std::string>());
  }
}

void Section::object(const char* name, std::string& out) {
  const json* value = find(name);
  if (value == nullptr)
    return;
  if (!value->is_object())
    return wrong(name, *value, "an object");
  out = value->dump(-1, ' ', false, json::error_handler_t::replace);
}

Section Section::section(const char* name) {
  static const json empty = json::object();
  const json* value = find(name);
  Section section(value == nullptr ? empty : *value, path_of(name), *problems_);
  section.resolve_secrets_ = resolve_secrets_;
  return section;
}

std::vector<Section> Section::sections(const char* name, std::vector<std::string>* names) {
  std::vector<Section> out;
  const json* value = find(name);
  if (value == nullptr)
    return out;
  if (names != nullptr ? !value->is_object() : !value->is_array()) {
    wrong(name, *value, names != nullptr ? "an object of objects" : "an array of objects");
    return out;
  }
  std::size_t index = 0;
  for (auto it = value->begin(); it != value->end(); ++it, ++index) {
    if (names != nullptr) {
      names->push_back(it.key());
      out.emplace_back(*it, path_of(name) + "." + it.key(), *problems_);
    } else {
      out.emplace_back(*it, fmt::format("{}[{}]", path_of(name), index), *problems_);
    }
  }
  return out;
}

void Section::finish() {
  if (value_ == nullptr)
    return;
  for (auto it = value_->begin(); it != value_->end(); ++it) {
    if (!known_.contains(it.key()))
      problem(it.key(), fmt::format("is not known here; known are {}", fmt::join(known_, ", ")));
  }
}

}  // namespace tollgate
