// Channels to the other services, and the transport's settings that both ends share.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "services/common/config/config.h"

namespace tollgate {

// Trailers and headers of one call, either way. An upstream's error body of 64 KiB travels in the trailers, in base64.
inline constexpr int kMaxMetadataBytes = 256 * 1024;

// A silent connection is probed after this time and given up when the answer takes longer than that.
inline constexpr std::chrono::milliseconds kKeepaliveTime{30'000};
inline constexpr std::chrono::milliseconds kKeepaliveTimeout{10'000};

// The largest message for bodies of up to `body_bytes`: headers and edits come on top.
constexpr std::uint64_t max_message_bytes(std::uint64_t body_bytes) {
  return body_bytes + 1024 * 1024;
}

struct ChannelOptions {
  // The largest request or response body in a message; LimitsConfig::body_bytes.
  std::uint64_t body_bytes = LimitsConfig{}.body_bytes;
  // Null: no TLS.
  std::shared_ptr<grpc::ChannelCredentials> credentials = nullptr;
};

// A channel to `target` (gRPC's naming: dns:///host:port, unix:/path), which connects with the first call and balances
// over all addresses of the name, each in turn. It repeats only what no server has seen: what else is safe to repeat is
// known by the caller. A reader that stops holds the writer back after kilobytes. Any thread.
std::shared_ptr<grpc::Channel> make_channel(const std::string& target, const ChannelOptions& options = {});

}  // namespace tollgate
