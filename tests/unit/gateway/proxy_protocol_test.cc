#include "gateway/proxy_protocol.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tollgate {
namespace {

using State = ProxyHeader::State;

const std::string kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

std::string binary(unsigned char version_command, unsigned char family, const std::string& rest) {
  std::string header = kSignature;
  header += static_cast<char>(version_command);
  header += static_cast<char>(family);
  header += static_cast<char>(rest.size() >> 8);
  header += static_cast<char>(rest.size());
  return header + rest;
}

std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (int value : values)
    text += static_cast<char>(value);
  return text;
}

const std::string kV4 = bytes({192, 0, 2, 7, 10, 0, 0, 1, 0x30, 0x39, 0x01, 0xbb});
const std::string kV6 = bytes({0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7}) + std::string(20, 'x');

// Reads just what is missing, as the edge does, and never a byte behind the header.
ProxyHeader read_exactly(const std::string& header) {
  std::string read;
  ProxyHeader result = read_proxy_header(read);
  while (result.state == State::kMore && read.size() < header.size()) {
    EXPECT_GT(result.missing, 0u);
    read += header.substr(read.size(), result.missing);
    result = read_proxy_header(read);
  }
  EXPECT_TRUE(result.state != State::kDone || read.size() == header.size());
  return result;
}

std::string client_of(const std::string& header) {
  const ProxyHeader result = read_exactly(header);
  EXPECT_EQ(result.state, State::kDone) << header;
  return result.client ? result.client->text() : "none";
}

TEST(ProxyProtocolTest, ALineNamesTheClient) {
  EXPECT_EQ(client_of("PROXY TCP4 192.0.2.7 10.0.0.1 12345 443\r\n"), "192.0.2.7");
  EXPECT_EQ(client_of("PROXY TCP4 1.1.1.1 1.1.1.1 0 0\r\n"), "1.1.1.1");
  EXPECT_EQ(client_of("PROXY TCP6 2001:db8::7 ::1 65535 443\r\n"), "2001:db8::7");
  EXPECT_EQ(client_of("PROXY UNKNOWN\r\n"), "none");
  EXPECT_EQ(client_of("PROXY UNKNOWN ffff:f...f:ffff ffff 65535 65535\r\n"), "none");
}

TEST(ProxyProtocolTest, AHeaderNamesTheClient) {
  EXPECT_EQ(client_of(binary(0x21, 0x11, kV4)), "192.0.2.7");
  EXPECT_EQ(client_of(binary(0x21, 0x21, kV6)), "2001:db8::7");
  EXPECT_EQ(client_of(binary(0x21, 0x11, kV4 + std::string(200, '\x04'))), "192.0.2.7");
  EXPECT_EQ(client_of(binary(0x20, 0x00, "")), "none");
  EXPECT_EQ(client_of(binary(0x20, 0x11, kV4)), "none");
  EXPECT_EQ(client_of(binary(0x21, 0x00, "")), "none");
  EXPECT_EQ(client_of(binary(0x21, 0x31, std::string(216, 'u'))), "none");
}

TEST(ProxyProtocolTest, WhatIsNoHeaderIsRefused) {
  const std::vector<std::string> all = {
      "GET / HTTP/1.1\r\n",
      "proxy TCP4 192.0.2.7 10.0.0.1 1 2\r\n",
      "PROXY  TCP4 192.0.2.7 10.0.0.1 1 2\r\n",
      "PROXY TCP4 192.0.2.7 10.0.0.1 1\r\n",
      "PROXY TCP4 192.0.2.7 10.0.0.1 1 2 3\r\n",
      "PROXY TCP4 192.0.2.7 10.0.0.1 1 65536\r\n",
      "PROXY TCP4 192.0.2.7 10.0.0.1 -1 2\r\n",
      "PROXY TCP4 192.0.2.7 10.0.0.1 01 2\r\n",
      "PROXY TCP4 192.0.2.7 10.0.0.1 1 2\n",
      "PROXY TCP4 192.0.2.7 10.0.0.1 1 2 \r\n",
      "PROXY TCP4 2001:db8::7 ::1 1 2\r\n",
      "PROXY TCP6 192.0.2.7 10.0.0.1 1 2\r\n",
      "PROXY TCP4 192.0.2.256 10.0.0.1 1 2\r\n",
      "PROXY UDP4 192.0.2.7 10.0.0.1 1 2\r\n",
      "PROXY UNKNOWNER x x\r\n",
      "PROXY \r\n" + std::string(20, 'x'),
      "PROXY UNKNOWN " + std::string(200, 'x'),
      "PROXY TCP4 \nxxxxxxx",
      std::string("PROXY TCP4 192.0.2.7\0 10.0.0.1 1 2\r\n", 37),
      "\r\n\r\nGET / HTTP/1.1",
      binary(0x11, 0x11, kV4),
      binary(0x31, 0x11, kV4),
      binary(0x22, 0x11, kV4),
      binary(0x21, 0x41, kV4),
      binary(0x21, 0x11, kV4.substr(1)),
      binary(0x21, 0x21, kV4),
      binary(0x21, 0x11, kV4 + std::string(4096, 'x')),
  };
  for (const std::string& header : all)
    EXPECT_EQ(read_exactly(header).state, State::kBad) << header;
}

TEST(ProxyProtocolTest, NoPartOfAHeaderIsAHeader) {
  for (const std::string& header :
       {std::string("PROXY TCP4 192.0.2.7 10.0.0.1 12345 443\r\n"), binary(0x21, 0x11, kV4), binary(0x21, 0x21, kV6)}) {
    for (std::size_t size = 0; size < header.size(); ++size) {
      const ProxyHeader part = read_proxy_header(header.substr(0, size));
      EXPECT_EQ(part.state, State::kMore) << size;
      EXPECT_LE(size + part.missing, header.size());
    }
  }
}

}  // namespace
}  // namespace tollgate
