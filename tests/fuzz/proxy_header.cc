// The header of the PROXY protocol: read in the pieces that are asked for it never takes a byte of the client's, and
// every part of it asks for more.
#include <cstdint>
#include <string_view>

#include "gateway/proxy_protocol.h"
#include "services/common/base/networks.h"
#include "tests/fuzz/must.h"

using tollgate::fuzz::must;
using namespace tollgate;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::size_t read = 0;
  ProxyHeader header = read_proxy_header({});
  while (header.state == ProxyHeader::State::kMore && header.missing <= size - read) {
    must(header.missing > 0, "more is more");
    read += header.missing;
    must(read <= kMaxProxyHeader, "the header is bounded");
    header = read_proxy_header(bytes.substr(0, read));
  }
  if (header.state == ProxyHeader::State::kDone && header.client)
    must(IpAddress::parse(header.client->text()) == header.client, "an address is what it is written as");
  if (const auto network = Network::parse(bytes)) {
    must(network->bits <= 128 && network->contains(network->address), "a network has its own address");
    must(IpAddress::parse(network->address.text()) == network->address, "which can be written");
  }
  return 0;
}
