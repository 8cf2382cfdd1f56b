// Who a client is for the limits of one address, when proxies stand before the edge.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "gateway/request_head.h"
#include "services/common/async.h"
#include "services/common/base/networks.h"
#include "services/common/config/config.h"

namespace tollgate {

IpAddress to_ip(const asio::ip::address& address);

// Of AccessConfig. Any thread.
class ClientAddresses {
 public:
  explicit ClientAddresses(const AccessConfig& config);

  bool speaks_proxy_protocol(const IpAddress& peer) const { return proxy_protocol_ && trusts(peer); }
  // A proxy of our own: what it says about its clients is believed.
  bool trusts(const IpAddress& address) const { return in_any(trusted_, address); }
  // The limits of one address are not for this one: it is a proxy's, or is excepted.
  bool unlimited(const IpAddress& address) const { return trusts(address) || in_any(unlimited_, address); }

  // The client of a request that came from `peer`: behind trusted proxies the last address of X-Forwarded-For that is
  // none of theirs. What stands before it could be anybody's word, and so is never looked at. Pure.
  IpAddress of_request(const IpAddress& peer, const RequestHead& head) const;

 private:
  const bool proxy_protocol_;
  const std::vector<Network> trusted_;
  const std::vector<Network> unlimited_;
};

}  // namespace tollgate
