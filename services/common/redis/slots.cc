#include "services/common/redis/slots.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "services/common/base/errors.h"

namespace tollgate {
namespace {

using Type = RedisReply::Type;

constexpr std::array<std::uint16_t, 256> crc_table() {
  std::array<std::uint16_t, 256> table{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    unsigned crc = byte << 8;
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc << 1) ^ ((crc & 0x8000) != 0 ? 0x1021 : 0);
    table[byte] = static_cast<std::uint16_t>(crc);
  }
  return table;
}

absl::Status malformed(std::string_view asked, std::string_view what) {
  return error(v1::Failure::KIND_UNAVAILABLE, fmt::format("{} answered CLUSTER SLOTS with {}", asked, what));
}

// [host, port, id, metadata]. The host is empty or null when the node does not know it, and "?" when it is to be called
// by a host name and has none: then the metadata may have its IP. Empty: no address.
std::string address_of(const RedisReply& node, std::string_view asked) {
  if (node.elements.size() < 2 || node.elements[1].integer <= 0 || node.elements[1].integer > 65535)
    return {};
  std::string_view host = node.elements[0].text;
  if (host.empty())
    host = host_of(asked);
  if (host == "?") {
    host = {};
    if (node.elements.size() > 3) {
      const std::vector<RedisReply>& metadata = node.elements[3].elements;
      for (std::size_t i = 0; i + 1 < metadata.size(); i += 2) {
        if (metadata[i].text == "ip")
          host = metadata[i + 1].text;
      }
    }
  }
  return host.empty() ? std::string() : join_address(host, std::to_string(node.elements[1].integer));
}

// The next word of a text that is consumed.
std::string_view next_word(std::string_view& text) {
  const std::size_t end = text.find(' ');
  const std::string_view word = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return word;
}

}  // namespace

std::uint16_t crc16(std::string_view data) {
  static constexpr auto table = crc_table();
  unsigned crc = 0;
  for (const char c : data)
    crc = ((crc << 8) ^ table[((crc >> 8) ^ static_cast<unsigned char>(c)) & 0xff]) & 0xffff;
  return static_cast<std::uint16_t>(crc);
}

std::uint16_t slot_of(std::string_view key) {
  if (const std::size_t open = key.find('{'); open != std::string_view::npos) {
    const std::size_t close = key.find('}', open + 1);
    if (close != std::string_view::npos && close != open + 1)
      key = key.substr(open + 1, close - open - 1);
  }
  return crc16(key) % kSlots;
}

std::string join_address(std::string_view host, std::string_view port) {
  const bool ipv6 = host.find(':') != std::string_view::npos;
  return ipv6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

std::string_view host_of(std::string_view address) {
  std::string_view host = address.substr(0, address.rfind(':'));
  if (host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  return host;
}

absl::StatusOr<std::vector<SlotRange>> parse_cluster_slots(const RedisReply& reply, std::string_view asked) {
  if (reply.is_error())
    return malformed(asked, reply.text);
  if (reply.type != Type::kArray || reply.elements.empty())
    return malformed(asked, "no slots: it has not joined a cluster");
  std::vector<SlotRange> ranges;
  for (const RedisReply& entry : reply.elements) {
    if (entry.elements.size() < 3)
      return malformed(asked, "a range without a node");
    const std::int64_t first = entry.elements[0].integer;
    const std::int64_t last = entry.elements[1].integer;
    if (entry.elements[0].type != Type::kInteger || entry.elements[1].type != Type::kInteger || first < 0 ||
        last < first || last >= kSlots)
      return malformed(asked, fmt::format("the range {} to {}", first, last));
    SlotRange range;
    range.first = static_cast<std::uint16_t>(first);
    range.last = static_cast<std::uint16_t>(last);
    range.master = address_of(entry.elements[2], asked);
    for (std::size_t i = 3; i < entry.elements.size(); ++i) {
      if (std::string replica = address_of(entry.elements[i], asked); !replica.empty())
        range.replicas.push_back(std::move(replica));
    }
    // Without an address its slots are unknown, and the next answer may have it.
    if (!range.master.empty())
      ranges.push_back(std::move(range));
  }
  return ranges;
}

std::optional<Redirection> parse_redirection(std::string_view error, std::string_view asked) {
  const std::string_view kind = next_word(error);
  if (kind != "MOVED" && kind != "ASK")
    return std::nullopt;
  Redirection out;
  out.ask = kind == "ASK";
  const std::string_view slot = next_word(error);
  const auto [end, problem] = std::from_chars(slot.data(), slot.data() + slot.size(), out.slot);
  if (problem != std::errc() || end != slot.data() + slot.size() || out.slot >= kSlots)
    return std::nullopt;
  const std::string_view address = next_word(error);
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos || colon + 1 == address.size())
    return std::nullopt;
  const std::string_view host = host_of(address);
  if (host == "?")
    return std::nullopt;
  out.address = join_address(host.empty() ? host_of(asked) : host, address.substr(colon + 1));
  return out;
}

}  // namespace tollgate
