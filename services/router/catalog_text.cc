#include "services/router/catalog_text.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>

#include "builtin_catalog.h"

namespace tollgate::router {
namespace {

using nlohmann::json;

json parse(const std::string& text) {
  return json::parse(text, nullptr, false, true);
}

void collect_upstreams(const json& value, std::set<std::string>& upstreams) {
  if (value.is_object() && value.contains("upstream") && value["upstream"].is_string())
    upstreams.insert(value["upstream"].get<std::string>());
  if (value.is_structured()) {
    for (const json& element : value)
      collect_upstreams(element, upstreams);
  }
}

std::string describe(const std::string& name, const json& source) {
  if (!source.is_object())
    return name;
  const std::string what = source.contains("package")
                               ? fmt::format("{} {}", source.value("package", ""), source.value("version", ""))
                               : source.value("source", "");
  return fmt::format("{}: {} of {}, {}", name, what, source.value("date", "?"), source.value("licence", "?"));
}

std::string source_text(const json& head, const std::string& names) {
  std::string text;
  std::istringstream parts(names);
  for (std::string name; std::getline(parts, name, '+');) {
    const bool known =
        head.is_object() && head.contains("sources") && head["sources"].is_object() && head["sources"].contains(name);
    text += (text.empty() ? "" : "; ") + (known ? describe(name, head["sources"][name]) : name);
  }
  return text;
}

}  // namespace

absl::StatusOr<std::string> catalog_text(const std::string& path) {
  if (path.empty())
    return std::string(catalog_jsonl);
  std::ifstream file(path, std::ios::binary);
  if (!file)
    return absl::NotFoundError(fmt::format("{}: cannot be read", path));
  return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

std::set<std::string> catalog_upstreams(const std::string& text) {
  std::set<std::string> upstreams;
  const json whole = parse(text);
  if (!whole.is_discarded()) {
    collect_upstreams(whole, upstreams);
    return upstreams;
  }
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const json value = parse(line);
    if (!value.is_discarded())
      collect_upstreams(value, upstreams);
  }
  return upstreams;
}

std::string price_sources(const std::string& text, std::string_view upstream, std::string_view model) {
  std::istringstream lines(text);
  json head;
  for (std::string line; std::getline(lines, line);) {
    if (head.is_null()) {
      head = parse(line);
      continue;
    }
    if (line.find(model) == line.npos)
      continue;
    const json value = parse(line);
    if (!value.is_object() || value.value("upstream", "") != upstream || value.value("model", "") != model)
      continue;
    std::istringstream parts(value.value("from", ""));
    std::string out;
    for (const char* what : {"tokens", "cache writes for 1 h", "web searches"}) {
      std::string names;
      if (std::getline(parts, names, '/'))
        out += fmt::format("{}{} from {}", out.empty() ? "" : "\n", what, source_text(head, names));
    }
    return out;
  }
  return {};
}

}  // namespace tollgate::router
