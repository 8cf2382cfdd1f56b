#include "services/provider_adapter/http/url.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "services/common/base/errors.h"

namespace tollgate::upstream {
namespace {

absl::Status wrong(std::string_view text, std::string_view why) {
  return error(v1::Failure::KIND_INVALID_REQUEST,
               fmt::format("URL \"{}\": {}. Expected https://host[:port][/prefix].", text, why));
}

bool is_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), port);
  return ec == std::errc() && end == text.data() + text.size() && port >= 1 && port <= 65535;
}

}  // namespace

std::string Url::authority() const {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return port == (tls ? "443" : "80") ? name : name + ":" + port;
}

absl::StatusOr<Url> parse_url(std::string_view text) {
  Url url;
  std::string_view rest = text;
  if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
    url.tls = false;
  } else {
    return wrong(text, "it begins with neither https:// nor http://");
  }
  if (!std::all_of(rest.begin(), rest.end(), [](char c) { return c > ' ' && c < 0x7f; }))
    return wrong(text, "it holds a space or a character outside ASCII");
  if (rest.find_first_of("?#\\") != rest.npos)
    return wrong(text, "it has a query, a fragment or a backslash");
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  std::string_view authority = rest.substr(0, slash);
  std::string_view prefix = rest.substr(slash);
  while (prefix.ends_with('/'))
    prefix.remove_suffix(1);
  url.prefix = prefix;
  if (authority.find('@') != authority.npos)
    return wrong("...", "it holds a user or a password, which belong into api_key");

  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t bracket = authority.find(']');
    if (bracket == authority.npos)
      return wrong(text, "the bracket of its IPv6 address is not closed");
    url.host = authority.substr(1, bracket - 1);
    port = authority.substr(bracket + 1);
    if (!port.empty() && port[0] != ':')
      return wrong(text, "something other than a port follows the IPv6 address");
  } else {
    const std::size_t colon = std::min(authority.find(':'), authority.size());
    url.host = authority.substr(0, colon);
    port = authority.substr(colon);
  }
  if (url.host.empty())
    return wrong(text, "it names no host");
  if (port.empty()) {
    url.port = url.tls ? "443" : "80";
  } else {
    url.port = port.substr(1);
    if (!is_port(url.port))
      return wrong(text, "its port is not a number from 1 to 65535");
  }
  return url;
}

}  // namespace tollgate::upstream
