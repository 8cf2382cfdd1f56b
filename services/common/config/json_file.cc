#include "services/common/config/json_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <vector>

namespace tollgate {

using nlohmann::json;

absl::StatusOr<json> parse_json(const std::string& text, const std::string& name) {
  std::string duplicate;
  std::vector<std::set<std::string>> objects;
  const json::parser_callback_t watch = [&](int, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::object_start)
      objects.emplace_back();
    else if (event == json::parse_event_t::object_end)
      objects.pop_back();
    else if (event == json::parse_event_t::key && !objects.back().insert(parsed.get<std::string>()).second)
      duplicate = parsed.get<std::string>();
    return true;
  };
  try {
    json value = json::parse(text, watch, true, true);
    if (!duplicate.empty())
      return absl::InvalidArgumentError(
          fmt::format("{}: the member \"{}\" stands twice in one object", name, duplicate));
    return value;
  } catch (const json::parse_error& error) {
    const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(error.byte, text.size()));
    const auto line = 1 + std::count(text.begin(), end, '\n');
    std::string what = error.what();
    // "[json.exception.parse_error.101] parse error at line 2, column 3: syntax error ..."
    const std::size_t colon = what.find(": ");
    return absl::InvalidArgumentError(
        fmt::format("{}:{}: {}", name, line, colon == std::string::npos ? what : what.substr(colon + 2)));
  }
}

absl::StatusOr<json> read_json_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    return absl::NotFoundError(fmt::format("{}: cannot be read", path));
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return parse_json(text, path);
}

}  // namespace tollgate
