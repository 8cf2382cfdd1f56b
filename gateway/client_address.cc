#include "gateway/client_address.h"

#include <algorithm>

#include "gateway/ascii.h"

namespace tollgate {
namespace {

// Those that the configuration has checked.
std::vector<Network> networks_of(const std::vector<std::string>& texts) {
  std::vector<Network> networks;
  for (const std::string& text : texts) {
    if (const auto network = Network::parse(text))
      networks.push_back(*network);
  }
  return networks;
}

}  // namespace

IpAddress to_ip(const asio::ip::address& address) {
  if (address.is_v4())
    return IpAddress::v4(address.to_v4().to_bytes());
  IpAddress ip;
  const auto bytes = address.to_v6().to_bytes();
  std::copy(bytes.begin(), bytes.end(), ip.bytes.begin());
  return ip;
}

ClientAddresses::ClientAddresses(const AccessConfig& config)
    : proxy_protocol_(config.proxy_protocol),
      trusted_(networks_of(config.trusted_proxies)),
      unlimited_(networks_of(config.unlimited_addresses)) {}

IpAddress ClientAddresses::of_request(const IpAddress& peer, const RequestHead& head) const {
  IpAddress client = peer;
  if (!trusts(peer))
    return client;
  const std::vector<std::string_view> fields = head.find_all("x-forwarded-for");
  for (auto field = fields.rbegin(); field != fields.rend(); ++field) {
    std::string_view rest = *field;
    bool last = false;
    while (!last) {
      const auto comma = rest.rfind(',');
      last = comma == rest.npos;
      const auto address = IpAddress::parse(trim(last ? rest : rest.substr(comma + 1)));
      // Not an address: the proxy behind it is the last that is known.
      if (!address)
        return client;
      client = *address;
      if (!trusts(client))
        return client;
      rest = rest.substr(0, comma);
    }
  }
  return client;
}

}  // namespace tollgate
