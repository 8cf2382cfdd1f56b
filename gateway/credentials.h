// The key of a request. Clients send it as `x-api-key`, as `Authorization: Bearer`, or both at once with different
// values (Claude Code with two variables set): the one that is a Tollgate key counts.
#pragma once

#include <string_view>

#include "gateway/request_head.h"

namespace tollgate {

struct Credentials {
  // Empty: none was sent.
  std::string_view key;
  // Two different Tollgate keys: which of them shall pay cannot be known.
  bool conflict = false;
};

Credentials find_api_key(const RequestHead& head);

}  // namespace tollgate
