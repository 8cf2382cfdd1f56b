#include "gateway/client_address.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tollgate {
namespace {

IpAddress address(std::string_view text) {
  return *IpAddress::parse(text);
}

std::string client(const std::string& peer, const std::vector<std::string>& fields) {
  AccessConfig config;
  config.trusted_proxies = {"10.0.0.0/8", "2001:db8:1::/48"};
  const ClientAddresses addresses(config);
  RequestHead head;
  head.fields.push_back({"X-Real-IP", "203.0.113.99"});
  for (const std::string& field : fields)
    head.fields.push_back({"X-Forwarded-For", field});
  return addresses.of_request(address(peer), head).text();
}

TEST(ClientAddressTest, OnlyATrustedProxyIsBelieved) {
  EXPECT_EQ(client("198.51.100.1", {"203.0.113.1"}), "198.51.100.1");
  EXPECT_EQ(client("10.0.0.1", {"203.0.113.1"}), "203.0.113.1");
  EXPECT_EQ(client("2001:db8:1::1", {"203.0.113.1"}), "203.0.113.1");
  EXPECT_EQ(client("10.0.0.1", {}), "10.0.0.1");
}

// What the client itself has sent stands before what the proxy says.
TEST(ClientAddressTest, TheLastUntrustedAddressCounts) {
  EXPECT_EQ(client("10.0.0.1", {"1.1.1.1, 203.0.113.1"}), "203.0.113.1");
  EXPECT_EQ(client("10.0.0.1", {"1.1.1.1,203.0.113.1 ,\t10.0.0.2"}), "203.0.113.1");
  EXPECT_EQ(client("10.0.0.1", {"1.1.1.1", "203.0.113.1", "10.0.0.2"}), "203.0.113.1");
  EXPECT_EQ(client("10.0.0.1", {"10.0.0.3, 10.0.0.2"}), "10.0.0.3");
  EXPECT_EQ(client("10.0.0.1", {"2001:db8:2::1, 2001:db8:1::7"}), "2001:db8:2::1");
}

TEST(ClientAddressTest, BehindWhatIsNoAddressNothingIsBelieved) {
  for (const char* field : {"203.0.113.1, unknown", "203.0.113.1,", "203.0.113.1, [::1]:80", "203.0.113.1, 1.2.3.4:5",
                            "", ",", "203.0.113.1, _hidden", "203.0.113.1 2.2.2.2"})
    EXPECT_EQ(client("10.0.0.1", {field}), "10.0.0.1") << field;
  EXPECT_EQ(client("10.0.0.1", {"203.0.113.1, unknown, 10.0.0.2"}), "10.0.0.2");
}

TEST(ClientAddressTest, ProxiesAndExceptedNetworksAreNotLimited) {
  AccessConfig config;
  config.trusted_proxies = {"10.0.0.0/8"};
  config.unlimited_addresses = {"192.0.2.0/24"};
  const ClientAddresses addresses(config);
  EXPECT_TRUE(addresses.unlimited(address("10.0.0.1")));
  EXPECT_TRUE(addresses.unlimited(address("192.0.2.9")));
  EXPECT_FALSE(addresses.unlimited(address("127.0.0.1")));
  EXPECT_TRUE(ClientAddresses(AccessConfig()).unlimited(address("127.0.0.1")));
  EXPECT_FALSE(addresses.speaks_proxy_protocol(address("10.0.0.1")));
}

}  // namespace
}  // namespace tollgate
