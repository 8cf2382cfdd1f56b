// The PROXY protocol, versions 1 and 2: what a load balancer says, before the first byte of the client, about whom it
// connects. Pure.
// Source: The PROXY protocol, HAProxy Technologies, 2020/03/05.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "services/common/base/networks.h"

namespace tollgate {

struct ProxyHeader {
  enum class State { kMore, kDone, kBad };

  State state = State::kMore;
  // kMore: how many bytes are missing at least; none of them is behind the header. kDone: none.
  std::size_t missing = 0;
  // Nothing when the proxy speaks for itself (LOCAL, UNKNOWN) or knows no internet address.
  std::optional<IpAddress> client;
};

// The most that a header may have, what it says beside the addresses included.
inline constexpr std::size_t kMaxProxyHeader = 4096;

// `data` is what has been read of the header: whoever reads just what is missing reads nothing of the client.
ProxyHeader read_proxy_header(std::string_view data);

}  // namespace tollgate
