// Addresses of clients, and the networks they are in. Pure.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate {

// An IPv4 address is held as its mapped IPv6 one: a client is the same whichever socket it comes through.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};

  // Strict: 192.0.2.1 or 2001:db8::1, without a port, brackets or a zone.
  static std::optional<IpAddress> parse(std::string_view text);
  static IpAddress v4(const std::array<std::uint8_t, 4>& bytes);

  bool is_v4() const;
  std::string text() const;
  // Whom limits count as one client: the address itself, of IPv6 its /64, which is what one subscriber has.
  IpAddress client() const;

  auto operator<=>(const IpAddress&) const = default;
};

// 10.0.0.0/8, 2001:db8::/32; an address alone is a network of one.
struct Network {
  IpAddress address;
  // Of 128, for IPv4 too.
  unsigned bits = 128;

  // Nothing for what is no network, or has bits set behind its prefix.
  static std::optional<Network> parse(std::string_view text);
  bool contains(const IpAddress& other) const;
};

bool in_any(const std::vector<Network>& networks, const IpAddress& address);

}  // namespace tollgate

template <>
struct std::hash<tollgate::IpAddress> {
  std::size_t operator()(const tollgate::IpAddress& address) const noexcept {
    return std::hash<std::string_view>()({reinterpret_cast<const char*>(address.bytes.data()), address.bytes.size()});
  }
};
