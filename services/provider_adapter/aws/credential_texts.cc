#include "services/provider_adapter/aws/credential_texts.h"

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <ctime>
#include <map>
#include <nlohmann/json.hpp>

namespace tollgate::aws {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kSpace);
  return begin == text.npos ? std::string_view() : text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
}

// The text of the first element of that name; the values sought hold no markup.
std::string_view element(std::string_view xml, std::string_view name) {
  const std::string open = fmt::format("<{}>", name);
  const std::string close = fmt::format("</{}>", name);
  const std::size_t begin = xml.find(open);
  if (begin == xml.npos)
    return {};
  const std::string_view rest = xml.substr(begin + open.size());
  return trimmed(rest.substr(0, rest.find(close)));
}

absl::StatusOr<TimedCredentials> complete(TimedCredentials found, std::string_view what, std::string_view expiration) {
  if (found.credentials.access_key_id.empty() || found.credentials.secret_access_key.empty())
    return absl::InvalidArgumentError(fmt::format("{} has no access key id or no secret access key", what));
  if (!expiration.empty()) {
    found.expires = parse_time(expiration);
    if (!found.expires)
      return absl::InvalidArgumentError(fmt::format("{} has an expiration that is no time", what));
  }
  return found;
}

}  // namespace

std::optional<std::chrono::system_clock::time_point> parse_time(std::string_view text) {
  std::tm time{};
  int end = 0;
  const std::string copy(text);
  if (std::sscanf(copy.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%n", &time.tm_year, &time.tm_mon, &time.tm_mday, &time.tm_hour,
                  &time.tm_min, &time.tm_sec, &end) != 6)
    return std::nullopt;
  std::string_view rest = text.substr(static_cast<std::size_t>(end));
  if (rest.starts_with('.'))
    rest.remove_prefix(std::min(rest.size(), rest.find_first_not_of("0123456789", 1)));
  if (rest != "Z" && rest != "+00:00")
    return std::nullopt;
  time.tm_year -= 1900;
  time.tm_mon -= 1;
  return std::chrono::system_clock::from_time_t(timegm(&time));
}

absl::StatusOr<TimedCredentials> read_profile(std::string_view text, std::string_view profile) {
  bool found = false;
  bool inside = false;
  std::map<std::string, std::string, std::less<>> values;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(text.size(), end + 1));
    if (line.empty() || line.front() == '#' || line.front() == ';')
      continue;
    if (line.front() == '[') {
      inside = trimmed(line.substr(1, line.find(']') - 1)) == profile;
      found |= inside;
      continue;
    }
    const std::size_t equals = line.find('=');
    if (inside && equals != line.npos)
      values[std::string(trimmed(line.substr(0, equals)))] = trimmed(line.substr(equals + 1));
  }
  if (!found)
    return absl::NotFoundError(fmt::format("it has no profile [{}]", profile));
  TimedCredentials out;
  out.credentials = {values["aws_access_key_id"], values["aws_secret_access_key"], values["aws_session_token"]};
  return complete(std::move(out), fmt::format("its profile [{}]", profile), "");
}

absl::StatusOr<TimedCredentials> read_endpoint_json(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object())
    return absl::InvalidArgumentError("its answer is not a JSON object");
  const auto member = [&json](const char* name) {
    const auto found = json.find(name);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  TimedCredentials out;
  out.credentials = {member("AccessKeyId"), member("SecretAccessKey"), member("Token")};
  return complete(std::move(out), "its answer", member("Expiration"));
}

absl::StatusOr<TimedCredentials> read_sts_xml(std::string_view xml) {
  const std::string_view credentials = element(xml, "Credentials");
  TimedCredentials out;
  out.credentials = {std::string(element(credentials, "AccessKeyId")),
                     std::string(element(credentials, "SecretAccessKey")),
                     std::string(element(credentials, "SessionToken"))};
  return complete(std::move(out), "its answer", element(credentials, "Expiration"));
}

std::string read_sts_error(std::string_view xml) {
  const std::string_view error = element(xml, "Error");
  const std::string_view code = element(error, "Code");
  return code.empty() ? std::string() : fmt::format("{}: {}", code, element(error, "Message").substr(0, 300));
}

}  // namespace tollgate::aws
