#include "services/common/base/networks.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace tollgate {
namespace {

constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr unsigned kV4Bits = 96;
constexpr std::size_t kSubscriberBytes = 8;

// Whether the first `bits` bits are alike.
bool same_prefix(const IpAddress& one, const IpAddress& other, unsigned bits) {
  const std::size_t whole = bits / 8;
  if (!std::equal(one.bytes.begin(), one.bytes.begin() + static_cast<std::ptrdiff_t>(whole), other.bytes.begin()))
    return false;
  return bits % 8 == 0 || (one.bytes[whole] ^ other.bytes[whole]) >> (8 - bits % 8) == 0;
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  char terminated[INET6_ADDRSTRLEN];
  // inet_pton() would end at a zero byte.
  if (text.size() >= sizeof terminated || text.find('\0') != text.npos)
    return std::nullopt;
  *std::copy(text.begin(), text.end(), terminated) = '\0';
  std::array<std::uint8_t, 4> short_bytes;
  if (inet_pton(AF_INET, terminated, short_bytes.data()) == 1)
    return v4(short_bytes);
  IpAddress address;
  if (inet_pton(AF_INET6, terminated, address.bytes.data()) == 1)
    return address;
  return std::nullopt;
}

IpAddress IpAddress::v4(const std::array<std::uint8_t, 4>& bytes) {
  IpAddress address;
  std::copy(bytes.begin(), bytes.end(), std::copy(kMapped.begin(), kMapped.end(), address.bytes.begin()));
  return address;
}

bool IpAddress::is_v4() const {
  return std::equal(kMapped.begin(), kMapped.end(), bytes.begin());
}

std::string IpAddress::text() const {
  char out[INET6_ADDRSTRLEN];
  const bool v4 = is_v4();
  inet_ntop(v4 ? AF_INET : AF_INET6, bytes.data() + (v4 ? kMapped.size() : 0), out, sizeof out);
  return out;
}

IpAddress IpAddress::client() const {
  IpAddress whole = *this;
  if (!is_v4())
    std::fill(whole.bytes.begin() + kSubscriberBytes, whole.bytes.end(), std::uint8_t{0});
  return whole;
}

std::optional<Network> Network::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address)
    return std::nullopt;
  const bool v4 = text.substr(0, slash).find(':') == text.npos;
  Network network{.address = *address, .bits = 128};
  if (slash != text.npos) {
    const std::string_view digits = text.substr(slash + 1);
    const char* const end = digits.data() + digits.size();
    unsigned bits = 0;
    const auto read = std::from_chars(digits.data(), end, bits);
    if (read.ec != std::errc() || read.ptr != end || bits > (v4 ? 32u : 128u))
      return std::nullopt;
    network.bits = bits + (v4 ? kV4Bits : 0);
  }
  for (unsigned bit = network.bits; bit < 128; ++bit) {
    if ((network.address.bytes[bit / 8] >> (7 - bit % 8) & 1) != 0)
      return std::nullopt;
  }
  return network;
}

bool Network::contains(const IpAddress& other) const {
  return same_prefix(address, other, bits);
}

bool in_any(const std::vector<Network>& networks, const IpAddress& address) {
  return std::any_of(networks.begin(), networks.end(),
                     [&](const Network& network) { return network.contains(address); });
}

}  // namespace tollgate
