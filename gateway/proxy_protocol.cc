#include "gateway/proxy_protocol.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "gateway/ascii.h"

namespace tollgate {
namespace {

using namespace std::string_view_literals;
using State = ProxyHeader::State;

constexpr std::string_view kSignature = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr std::size_t kFixed = 16;
constexpr std::string_view kText = "PROXY ";
// "PROXY UNKNOWN\r\n".
constexpr std::size_t kShortestLine = 15;
constexpr std::size_t kLongestLine = 107;

constexpr ProxyHeader kBad{.state = State::kBad, .missing = 0, .client = {}};

ProxyHeader more(std::size_t bytes) {
  return {.state = State::kMore, .missing = bytes, .client = {}};
}

ProxyHeader done(std::optional<IpAddress> client) {
  return {.state = State::kDone, .missing = 0, .client = client};
}

bool is_port(std::string_view text) {
  unsigned port = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, port);
  const bool zeros = text.size() > 1 && text.front() == '0';
  return read.ec == std::errc() && read.ptr == end && port <= 65535 && !zeros;
}

// TCP4 source destination port port, behind "PROXY ".
ProxyHeader read_line(std::string_view line) {
  if (line == "UNKNOWN" || line.starts_with("UNKNOWN "))
    return done(std::nullopt);
  std::array<std::string_view, 5> words;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto blank = line.find(' ');
    if ((blank == line.npos) != (i + 1 == words.size()))
      return kBad;
    words[i] = line.substr(0, blank);
    line.remove_prefix(blank == line.npos ? line.size() : blank + 1);
  }
  const bool v6 = words[0] == "TCP6";
  if (!v6 && words[0] != "TCP4")
    return kBad;
  for (std::size_t i : {1, 2}) {
    if ((words[i].find(':') != words[i].npos) != v6)
      return kBad;
  }
  const auto client = IpAddress::parse(words[1]);
  if (!client || !IpAddress::parse(words[2]) || !is_port(words[3]) || !is_port(words[4]))
    return kBad;
  return done(client);
}

ProxyHeader read_text(std::string_view data) {
  const auto lf = data.find('\n');
  if (lf == data.npos) {
    if (data.size() >= kLongestLine)
      return kBad;
    // The shortest line first, then up to its end, which the last byte may have begun.
    return more(data.size() < kShortestLine ? kShortestLine - data.size() : 1);
  }
  if (lf + 1 != data.size() || lf == 0 || data[lf - 1] != '\r')
    return kBad;
  return read_line(data.substr(kText.size(), lf - 1 - kText.size()));
}

ProxyHeader read_binary(std::string_view data) {
  if (data.size() < kFixed)
    return more(kFixed - data.size());
  const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(data[at]); };
  const unsigned command = byte(12) & 0x0fu;
  const std::size_t size = kFixed + byte(14) * 256u + byte(15);
  if (byte(12) >> 4 != 2 || command > 1 || size > kMaxProxyHeader)
    return kBad;
  if (data.size() < size)
    return more(size - data.size());
  if (command == 0)
    return done(std::nullopt);
  const unsigned family = byte(13) >> 4;
  const std::size_t addresses = size - kFixed;
  if (family == 1) {
    if (addresses < 12)
      return kBad;
    return done(IpAddress::v4({byte(16), byte(17), byte(18), byte(19)}));
  }
  if (family == 2) {
    if (addresses < 36)
      return kBad;
    IpAddress client;
    std::copy_n(data.begin() + kFixed, client.bytes.size(), client.bytes.begin());
    return done(client);
  }
  // Unspecified, or a Unix socket.
  return family > 3 ? kBad : done(std::nullopt);
}

}  // namespace

ProxyHeader read_proxy_header(std::string_view data) {
  const auto begins = [&](std::string_view whole) {
    const std::size_t common = std::min(data.size(), whole.size());
    return data.substr(0, common) == whole.substr(0, common);
  };
  if (data.empty())
    return more(kSignature.size());
  if (begins(kSignature))
    return read_binary(data);
  return begins(kText) ? read_text(data) : kBad;
}

}  // namespace tollgate
