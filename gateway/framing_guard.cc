#include "gateway/framing_guard.h"

#include <array>
#include <charconv>
#include <utility>

#include "gateway/ascii.h"

namespace tollgate {
namespace {

constexpr std::array<std::pair<std::string_view, Method>, 7> kMethods = {{
    {"GET", Method::kGet},
    {"HEAD", Method::kHead},
    {"POST", Method::kPost},
    {"OPTIONS", Method::kOptions},
    {"PUT", Method::kPut},
    {"PATCH", Method::kPatch},
    {"DELETE", Method::kDelete},
}};

// Headers of which a second one would be a second opinion, and which no `Connection` may take away.
enum Single : unsigned {
  kHost,
  kContentLength,
  kTransferEncoding,
  kApiKey,
  kAuthorization,
  kContentType,
  kVersion,
  kExpect
};
constexpr std::array<std::string_view, 8> kSingles = {
    "host",          "content-length", "transfer-encoding", "x-api-key",
    "authorization", "content-type",   "anthropic-version", "expect"};

using Refused = std::optional<Refusal>;

Refusal bad(std::string message) {
  return Refusal{400, std::move(message)};
}

// Only CR LF ends a line, and no line continues the one before it.
Refused check_bytes(std::string_view head) {
  for (std::size_t i = 0; i < head.size(); ++i) {
    const char c = head[i];
    if (c == '\r') {
      // Blank line or next line: a CR is never the last byte of a head.
      if (i + 1 == head.size() || head[i + 1] != '\n')
        return bad("A carriage return stands alone in the request's headers; lines end with CR LF.");
      ++i;
      if (i + 1 < head.size() && (head[i + 1] == ' ' || head[i + 1] == '\t'))
        return bad("A header is continued on a second line; write it on one.");
    } else if (c == '\n') {
      return bad("A line feed stands alone in the request's headers; lines end with CR LF.");
    } else if (!is_field_char(c)) {
      return bad("There is a control character in the request's headers.");
    }
  }
  return std::nullopt;
}

Refused check_version(std::string_view version, Framing& framing) {
  if (version == "HTTP/1.1")
    return std::nullopt;
  if (version == "HTTP/1.0") {
    framing.http_1_0 = true;
    framing.keep_alive = false;
    return std::nullopt;
  }
  if (version.size() == 8 && version.starts_with("HTTP/") && is_digit(version[5]) && version[6] == '.' &&
      is_digit(version[7]))
    return Refusal{505, "Only HTTP/1.1 and HTTP/1.0 are spoken here."};
  return bad("The request line is not of the form METHOD /path HTTP/1.1.");
}

Refused check_target(std::string_view target) {
  if (target.empty() || target.front() != '/')
    return bad("The request's target must be a path that begins with a slash.");
  for (char c : target) {
    if (c <= 0x20 || c > 0x7e || c == '#')
      return bad("The request's path has a character that must be percent-encoded.");
  }
  return std::nullopt;
}

Refused check_request_line(std::string_view line, Framing& framing) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last)
    return bad("The request line is not of the form METHOD /path HTTP/1.1.");
  if (auto refused = check_version(line.substr(last + 1), framing))
    return refused;
  const std::string_view name = line.substr(0, first);
  if (!is_token(name))
    return bad("The request's method has a character that no method has.");
  const auto method =
      std::find_if(kMethods.begin(), kMethods.end(), [&](const auto& row) { return row.first == name; });
  if (method == kMethods.end())
    return Refusal{501, "The request's method is not implemented here."};
  framing.method = method->second;
  return check_target(line.substr(first + 1, last - first - 1));
}

Refused check_host(std::string_view value) {
  const bool good = !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
    return is_alphanumeric(c) || std::string_view("-._~:[]%").find(c) != std::string_view::npos;
  });
  if (!good)
    return bad("The Host header is not a host name with an optional port.");
  return std::nullopt;
}

Refused check_connection(std::string_view value, Framing& framing) {
  bool forbidden = false;
  for_each_element(value, [&](std::string_view option) {
    if (equals_ignoring_case(option, "close"))
      framing.keep_alive = false;
    else if (equals_ignoring_case(option, "upgrade") || starts_with_ignoring_case(option, "anthropic-"))
      forbidden = true;
    for (std::string_view name : kSingles)
      forbidden |= equals_ignoring_case(option, name);
  });
  if (forbidden)
    return bad("The Connection header names a header that must not be taken away, or asks for an upgrade.");
  return std::nullopt;
}

Refused check_content_length(std::string_view value, Framing& framing) {
  constexpr std::size_t kDigits = 19;
  const bool digits = !value.empty() && value.size() <= kDigits && std::all_of(value.begin(), value.end(), is_digit);
  if (!digits)
    return bad("The Content-Length header is not one decimal number.");
  std::from_chars(value.data(), value.data() + value.size(), framing.content_length);
  return std::nullopt;
}

class FieldChecker {
 public:
  explicit FieldChecker(Framing& framing) : framing_(framing) {}

  Refused add(std::string_view line) {
    const auto colon = line.find(':');
    const std::string_view name = line.substr(0, colon);
    if (colon == std::string_view::npos || !is_token(name))
      return bad("A header is not of the form Name: value.");
    if (name.find('_') != std::string_view::npos)
      return bad("A header's name has an underscore, which some servers read as a hyphen.");
    const std::string_view value = trim(line.substr(colon + 1));
    if (equals_ignoring_case(name, "upgrade"))
      return bad("Upgrades to another protocol are not offered.");
    if (equals_ignoring_case(name, "connection") || equals_ignoring_case(name, "proxy-connection"))
      return check_connection(value, framing_);
    for (unsigned i = 0; i < kSingles.size(); ++i) {
      if (equals_ignoring_case(name, kSingles[i]))
        return add_single(static_cast<Single>(i), value);
    }
    return std::nullopt;
  }

  // What can be said only of all headers together.
  Refused finish() const {
    if (!has(kHost) && !framing_.http_1_0)
      return bad("The Host header is missing.");
    if (has(kTransferEncoding) && has(kContentLength))
      return bad("The request has both Transfer-Encoding and Content-Length.");
    if (has(kTransferEncoding) && framing_.http_1_0)
      return bad("HTTP/1.0 has no Transfer-Encoding.");
    const bool takes_body =
        framing_.method != Method::kGet && framing_.method != Method::kHead && framing_.method != Method::kOptions;
    if (framing_.has_body() && !takes_body)
      return bad("A request with this method has no body.");
    return std::nullopt;
  }

 private:
  bool has(Single which) const { return (seen_ >> which & 1u) != 0; }

  Refused add_single(Single which, std::string_view value) {
    if (has(which))
      return bad("The header " + std::string(kSingles[which]) + " stands there twice.");
    seen_ |= 1u << which;
    switch (which) {
      case kHost:
        return check_host(value);
      case kContentLength:
        return check_content_length(value, framing_);
      case kTransferEncoding:
        if (!equals_ignoring_case(value, "chunked"))
          return bad("The only Transfer-Encoding is chunked.");
        framing_.chunked = true;
        return std::nullopt;
      case kExpect:
        if (!equals_ignoring_case(value, "100-continue"))
          return Refusal{417, "The only expectation that can be met is 100-continue."};
        // HTTP/1.0 knows no interim responses.
        framing_.expect_continue = !framing_.http_1_0;
        return std::nullopt;
      default:
        return std::nullopt;
    }
  }

  Framing& framing_;
  unsigned seen_ = 0;
};

}  // namespace

std::string_view name_of(Method method) {
  for (const auto& [name, value] : kMethods) {
    if (value == method)
      return name;
  }
  return {};
}

HeadEnd find_head_end(std::string_view data, std::size_t scanned) {
  // No request begins with a blank line, a blank or a control character: most often this is TLS on a plain port.
  if (!data.empty() && !is_token_char(data.front()))
    return {.size = 0, .bad = true};
  for (auto lf = data.find('\n', scanned); lf != std::string_view::npos; lf = data.find('\n', lf + 1)) {
    if (lf == 0 || data[lf - 1] != '\r')
      return {.size = 0, .bad = true};
    if (lf >= 3 && data[lf - 2] == '\n')
      return {.size = lf + 1, .bad = false};
  }
  return {};
}

std::optional<Refusal> inspect_head(std::string_view head, const HeadLimits& limits, Framing& framing) {
  framing = Framing();
  if (head.size() > limits.bytes)
    return Refusal{431, "The request's headers are larger than " + std::to_string(limits.bytes) + " bytes."};
  if (!head.ends_with("\r\n\r\n"))
    return bad("The request's headers do not end with a blank line.");
  if (auto refused = check_bytes(head))
    return refused;
  const auto line_end = head.find("\r\n");
  if (auto refused = check_request_line(head.substr(0, line_end), framing))
    return refused;
  FieldChecker fields(framing);
  std::size_t count = 0;
  // The last two bytes are the blank line.
  std::string_view rest = head.substr(line_end + 2, head.size() - line_end - 4);
  while (!rest.empty()) {
    if (++count > limits.count)
      return Refusal{431, "The request has more than " + std::to_string(limits.count) + " headers."};
    const auto end = rest.find("\r\n");
    if (auto refused = fields.add(rest.substr(0, end)))
      return refused;
    rest.remove_prefix(end + 2);
  }
  return fields.finish();
}

}  // namespace tollgate
