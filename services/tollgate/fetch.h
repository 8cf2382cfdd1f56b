// A few GETs of one host, for commands: blocking, on one connection, over HTTP or HTTPS.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace tollgate {

struct Url {
  bool tls = false;
  std::string host;
  std::string port;
  // Without a slash at its end.
  std::string path;
};

// http(s)://host[:port][/path]; INVALID_ARGUMENT for what is none.
absl::StatusOr<Url> parse_url(std::string_view text);

struct Fetched {
  unsigned status = 0;
  std::string body;
};

// GETs `targets`, which follow the URL's path, one after the other, with the key as a bearer token. All of it within
// `time`. UNAVAILABLE or DEADLINE_EXCEEDED says what went wrong.
absl::StatusOr<std::vector<Fetched>> fetch(const Url& url, const std::string& api_key,
                                           const std::vector<std::string>& targets, std::chrono::milliseconds time);

}  // namespace tollgate
