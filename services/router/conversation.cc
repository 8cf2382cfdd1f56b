#include "services/router/conversation.h"

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "services/common/base/digest.h"
#include "services/common/base/errors.h"

namespace tollgate::router {
namespace {

constexpr std::size_t kMaxSessionBytes = 256;
constexpr std::array kSessionHeaders = {"x-session-id", "x-claude-code-session-id"};
// Of each of the two messages.
constexpr std::size_t kHashedBytes = 16 * 1024;
constexpr std::size_t kMaxMetadataBytes = 16 * 1024;

// The end of the JSON value that begins at `at` in valid JSON.
std::size_t value_end(std::string_view json, std::size_t at) {
  int depth = 0;
  bool quoted = false;
  for (; at < json.size(); ++at) {
    const char c = json[at];
    if (quoted) {
      if (c == '\\')
        ++at;
      else if (c == '"')
        quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      if (--depth <= 0)
        return depth < 0 ? at : at + 1;
    } else if (c == ',' && depth == 0) {
      return at;
    }
  }
  return json.size();
}

// The first element of an array that does not say that it is a system message.
std::string_view first_message(std::string_view array) {
  std::size_t at = 1;
  while (at < array.size()) {
    at = array.find_first_not_of(" \t\r\n,", at);
    if (at == std::string_view::npos || array[at] == ']')
      break;
    const std::size_t end = value_end(array, at);
    const std::string_view element = array.substr(at, end - at);
    const std::string_view beginning = element.substr(0, kHashedBytes);
    if (beginning.find(R"("role":"system")") == std::string_view::npos &&
        beginning.find(R"("role": "system")") == std::string_view::npos)
      return element;
    at = std::max(end, at + 1);
  }
  return {};
}

// Clients move their cache marks on as a conversation grows: the marks are no part of it.
std::string without_cache_marks(std::string_view json) {
  constexpr std::string_view kMark = "\"cache_control\"";
  std::string out;
  while (true) {
    const std::size_t mark = json.find(kMark);
    const std::size_t close = mark == std::string_view::npos ? mark : json.find('}', mark);
    if (close == std::string_view::npos)
      return out.append(json);
    std::string_view before = json.substr(0, mark);
    // The comma stands before or behind.
    const std::size_t kept = before.find_last_not_of(" \t\r\n");
    const bool comma_before = kept != std::string_view::npos && before[kept] == ',';
    before = before.substr(0, comma_before ? kept : before.size());
    out.append(before.substr(0, before.find_last_not_of(" \t\r\n") + 1));
    json.remove_prefix(close + 1);
    const std::size_t next = json.find_first_not_of(" \t\r\n");
    if (!comma_before && next != std::string_view::npos && json[next] == ',')
      json.remove_prefix(next + 1);
  }
}

std::string_view part(std::string_view body, const Span& span) {
  return body.substr(span.offset, span.length);
}

// Of Claude Code: {"session_id":"..."} as a string, or ..._session_<id> from older versions.
std::string session_in_metadata(std::string_view metadata) {
  if (metadata.empty() || metadata.size() > kMaxMetadataBytes)
    return {};
  const nlohmann::json object = nlohmann::json::parse(metadata.begin(), metadata.end(), nullptr, false);
  if (!object.is_object() || !object.contains("user_id") || !object["user_id"].is_string())
    return {};
  const std::string user = object["user_id"].get<std::string>();
  const nlohmann::json inner = nlohmann::json::parse(user, nullptr, false);
  if (inner.is_object() && inner.contains("session_id") && inner["session_id"].is_string())
    return inner["session_id"].get<std::string>();
  constexpr std::string_view kSession = "_session_";
  const std::size_t at = user.rfind(kSession);
  return at == std::string::npos ? std::string() : user.substr(at + kSession.size());
}

}  // namespace

std::string_view header_value(const Headers& headers, std::string_view name) {
  for (const v1::Header& header : headers) {
    if (header.name().size() == name.size() && strncasecmp(header.name().data(), name.data(), name.size()) == 0)
      return header.value();
  }
  return {};
}

std::string session_of(const RequestScan& scan, std::string_view body, const Headers& headers) {
  std::string session = scan.session_id;
  for (const char* name : kSessionHeaders) {
    if (session.empty())
      session = std::string(header_value(headers, name));
  }
  return session.empty() ? session_in_metadata(part(body, scan.metadata)) : session;
}

absl::StatusOr<Conversation> conversation_of(const RequestScan& scan, std::string_view body, const Headers& headers) {
  for (const char* name : kSessionHeaders) {
    const std::string_view value = header_value(headers, name);
    if (value.size() > kMaxSessionBytes)
      return error(v1::Failure::KIND_INVALID_REQUEST,
                   fmt::format("{}: expected at most {} bytes, got {}", name, kMaxSessionBytes, value.size()));
  }
  const std::string session = session_of(scan, body, headers);
  if (!session.empty())
    return Conversation{"session " + session, true};
  const std::string_view system = part(body, scan.system).substr(0, kHashedBytes);
  const std::string_view first = first_message(part(body, scan.messages)).substr(0, kHashedBytes);
  return Conversation{
      "prompt " + sha256_hex(fmt::format("{}\n{}", without_cache_marks(system), without_cache_marks(first))), false};
}

}  // namespace tollgate::router
