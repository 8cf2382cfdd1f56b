// How Redis Cluster spreads keys over slots, and slots over servers. Pure.
// Source: https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/common/redis/redis.h"

namespace tollgate {

inline constexpr std::uint16_t kSlots = 16384;

// CRC-16/XMODEM.
std::uint16_t crc16(std::string_view data);

// The slot of a key: by what stands between its first { and the next }, unless that is nothing.
std::uint16_t slot_of(std::string_view key);

// host:port, with brackets around an IPv6 address.
std::string join_address(std::string_view host, std::string_view port);
// What it was joined from, without brackets.
std::string_view host_of(std::string_view address);

struct SlotRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
  // host:port of the master.
  std::string master;
  std::vector<std::string> replicas;
};

// The reply to CLUSTER SLOTS of the node at `asked`, which leaves its own host out when it does not know it. The error
// says what the reply lacks.
absl::StatusOr<std::vector<SlotRange>> parse_cluster_slots(const RedisReply& reply, std::string_view asked);

struct Redirection {
  // ASK instead of MOVED: for this one command.
  bool ask = false;
  std::uint16_t slot = 0;
  // host:port.
  std::string address;
};

// "MOVED 3999 127.0.0.1:6381" and "ASK ..." as the node at `asked` says it. Empty for any other error.
std::optional<Redirection> parse_redirection(std::string_view error, std::string_view asked);

}  // namespace tollgate
