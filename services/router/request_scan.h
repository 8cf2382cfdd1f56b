// One pass over a Messages request: the members that routing and billing act on, with their places in the bytes. No
// DOM, no copy of the body; what is only passed on is judged by the upstream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/common/base/preferences.h"
#include "tollgate/v1/adapter.pb.h"

namespace tollgate::router {

struct Span {
  std::size_t offset = 0;
  std::size_t length = 0;
};

struct RequestScan {
  std::string model;
  // The value of `model` in the body, quotes included.
  Span model_value;
  // Unset when absent or no whole number above zero: the upstream judges that.
  std::optional<std::int64_t> max_tokens;
  bool stream = false;
  // Empty when absent.
  std::string speed;
  // The value of `tools` in the body; of length 0 when absent.
  Span tools;
  // MCP servers are named, which the upstream calls itself.
  bool mcp_servers = false;
  // Further models to try, in order: of `models` or of `fallbacks`.
  std::vector<std::string> models;
  ProviderPreferences provider;
  // What the adapter may have to move: see SendRequest.members.
  std::vector<v1::Member> members;
  // Empty when absent.
  std::string session_id;
  // Values in the body; of length 0 when absent.
  Span metadata;
  Span system;
  Span messages;
  // Names of the members that not every endpoint need take (tools, thinking, ...), as they stand in the body; at most
  // 64 of them.
  std::vector<std::string> parameters;
  // The router's own members with one comma each, ascending: cutting them out leaves a well-formed object.
  std::vector<Span> removed;
};

// `body` may be reallocated: simdjson reads a little beyond the end. Errors (KIND_INVALID_REQUEST): no JSON object, no
// model, a member that is acted on twice or of the wrong type.
absl::StatusOr<RequestScan> scan_request(std::string& body);

}  // namespace tollgate::router
