#include "services/common/base/networks.h"

#include <gtest/gtest.h>

namespace tollgate {
namespace {

using namespace std::string_view_literals;

IpAddress address(std::string_view text) {
  const auto parsed = IpAddress::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(IpAddress());
}

Network network(std::string_view text) {
  const auto parsed = Network::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(Network());
}

TEST(NetworksTest, AnAddressIsReadStrictly) {
  for (std::string_view text : {"192.0.2.1", "2001:db8::1", "::", "::1", "0.0.0.0"})
    EXPECT_EQ(address(text).text(), text);
  for (std::string_view text :
       {""sv, "1"sv, "1.2.3"sv, "1.2.3.4.5"sv, "1.2.3.256"sv, "01.2.3.4"sv, "0x7f.0.0.1"sv, "1.2.3.4:80"sv, "[::1]"sv,
        " 1.2.3.4"sv, "1.2.3.4 "sv, "1.2.3.4\0"sv, "1.2.3.4\0.5"sv, "fe80::1%eth0"sv, "unknown"sv, "_hidden"sv,
        "::1::"sv, "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"sv})
    EXPECT_FALSE(IpAddress::parse(text)) << text;
}

TEST(NetworksTest, AMappedAddressIsTheIpv4One) {
  EXPECT_EQ(address("::ffff:192.0.2.1"), address("192.0.2.1"));
  EXPECT_TRUE(address("::ffff:192.0.2.1").is_v4());
  EXPECT_FALSE(address("::192.0.2.1").is_v4());
  EXPECT_TRUE(network("10.0.0.0/8").contains(address("::ffff:10.1.2.3")));
}

TEST(NetworksTest, ANetworkHasItsAddressesAndNoOthers) {
  EXPECT_TRUE(network("10.0.0.0/8").contains(address("10.255.255.255")));
  EXPECT_FALSE(network("10.0.0.0/8").contains(address("11.0.0.0")));
  EXPECT_TRUE(network("192.0.2.128/25").contains(address("192.0.2.255")));
  EXPECT_FALSE(network("192.0.2.128/25").contains(address("192.0.2.127")));
  EXPECT_TRUE(network("192.0.2.1").contains(address("192.0.2.1")));
  EXPECT_FALSE(network("192.0.2.1").contains(address("192.0.2.2")));
  EXPECT_TRUE(network("0.0.0.0/0").contains(address("255.1.1.1")));
  EXPECT_FALSE(network("0.0.0.0/0").contains(address("2001:db8::1")));
  EXPECT_TRUE(network("2001:db8::/33").contains(address("2001:db8:7fff::1")));
  EXPECT_FALSE(network("2001:db8::/33").contains(address("2001:db8:8000::1")));
  EXPECT_TRUE(network("::/0").contains(address("2001:db8::1")));
}

TEST(NetworksTest, ANetworkIsReadStrictly) {
  for (std::string_view text :
       {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8 ", "10.0.0.0/8/8", "10.0.0.1/8",
        "2001:db8::/129", "2001:db8::1/64", "10.0.0.0/255.0.0.0", "10.0.0.0/4294967304", "localhost"})
    EXPECT_FALSE(Network::parse(text)) << text;
}

TEST(NetworksTest, ASubscriberIsOneClientWhateverAddressesItTakes) {
  EXPECT_EQ(address("2001:db8:1:2:3::4").client(), address("2001:db8:1:2:ffff::1").client());
  EXPECT_NE(address("2001:db8:1:2::1").client(), address("2001:db8:1:3::1").client());
  EXPECT_NE(address("192.0.2.1").client(), address("192.0.2.2").client());
}

}  // namespace
}  // namespace tollgate
