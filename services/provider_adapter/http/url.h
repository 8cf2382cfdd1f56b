// The address of an upstream.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace tollgate::upstream {

struct Url {
  bool tls = true;
  // A name or an IP literal, without brackets.
  std::string host;
  std::string port;
  // What stands before the API's paths: empty, or "/api" without a slash at its end.
  std::string prefix;

  // Value of the Host header: brackets around IPv6, the port where it is not the scheme's own.
  std::string authority() const;
};

// Takes https://host[:port][/prefix] and http://...; the error says what is wrong with the text.
absl::StatusOr<Url> parse_url(std::string_view text);

}  // namespace tollgate::upstream
