#include "services/common/access/credentials.h"

#include <strings.h>

#include <algorithm>

namespace tollgate {

std::string_view bearer_token(std::string_view authorization) {
  constexpr std::string_view scheme = "bearer ";
  if (authorization.size() < scheme.size() || strncasecmp(authorization.data(), scheme.data(), scheme.size()) != 0)
    return {};
  constexpr std::string_view blank = " \t";
  authorization.remove_prefix(std::min(authorization.find_first_not_of(blank, scheme.size()), authorization.size()));
  return authorization.substr(0, authorization.find_last_not_of(blank) + 1);
}

}  // namespace tollgate
