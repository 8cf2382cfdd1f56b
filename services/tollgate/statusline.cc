#include "services/tollgate/statusline.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

namespace tollgate {
namespace {

using Json = nlohmann::json;

Json parsed(std::string_view text) {
  return Json::parse(text, nullptr, false);
}

// The member of an object; null for everything else.
Json member(const Json& json, const char* name) {
  const auto found = json.is_object() ? json.find(name) : json.end();
  return found == json.end() ? Json() : *found;
}

std::string usd(double amount) {
  return amount > 0 && amount < 0.01 ? fmt::format("${:.4f}", amount) : fmt::format("${:.2f}", amount);
}

// Limits are mostly whole.
std::string limit_usd(double amount) {
  return amount == static_cast<double>(static_cast<long long>(amount)) ? fmt::format("${:.0f}", amount) : usd(amount);
}

void add(std::string& line, const std::string& part) {
  line.append(line.empty() ? "" : " | ").append(part);
}

}  // namespace

std::string session_of(std::string_view input) {
  const Json id = member(parsed(input), "session_id");
  return id.is_string() ? id.get<std::string>() : std::string();
}

std::string statusline(std::string_view session_id, std::string_view sessions_json, std::string_view key_json) {
  std::string line;
  const Json sessions = member(parsed(sessions_json), "data");
  if (sessions.is_array() && !session_id.empty()) {
    double cost = 0;
    for (const Json& session : sessions) {
      const Json own = member(session, "cost");
      if (own.is_number() && member(session, "id") == session_id)
        cost += own.get<double>();
    }
    add(line, usd(cost) + " session");
  }
  const Json key = member(parsed(key_json), "data");
  if (const Json today = member(key, "usage_daily"); today.is_number())
    add(line, usd(today.get<double>()) + " today");
  const Json limit = member(key, "limit");
  const Json left = member(key, "limit_remaining");
  if (limit.is_number() && left.is_number()) {
    const Json reset = member(key, "limit_reset");
    const std::string period = reset.is_string() ? fmt::format(" {}", reset.get<std::string>()) : std::string();
    add(line, fmt::format("{} of {}{} left", usd(left.get<double>()), limit_usd(limit.get<double>()), period));
  }
  return line;
}

}  // namespace tollgate
