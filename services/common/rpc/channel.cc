#include "services/common/rpc/channel.h"

#include <grpc/grpc.h>
#include <grpcpp/create_channel.h>

#include <algorithm>
#include <limits>

namespace tollgate {
namespace {

// HTTP/2's own initial window: what a stalled stream may have in flight.
constexpr int kStreamWindowBytes = 64 * 1024;

// A service that restarts is found again within seconds, not within gRPC's two minutes.
constexpr int kFirstReconnectMs = 200;
constexpr int kMaxReconnectMs = 3000;
// An attempt has this time, TCP's and HTTP/2's handshakes together: a busy machine or a long way needs more than the
// first pause.
constexpr int kConnectMs = 5000;

// How often a name is asked for at most; gRPC's own 30 s would leave a caller without a server when all of its replicas
// were replaced within them.
constexpr int kBetweenLookUpsMs = 2000;

}  // namespace

std::shared_ptr<grpc::Channel> make_channel(const std::string& target, const ChannelOptions& options) {
  grpc::ChannelArguments arguments;
  arguments.SetLoadBalancingPolicyName("round_robin");
  const int message_bytes =
      static_cast<int>(std::min<std::uint64_t>(max_message_bytes(options.body_bytes), std::numeric_limits<int>::max()));
  arguments.SetMaxReceiveMessageSize(message_bytes);
  arguments.SetMaxSendMessageSize(message_bytes);
  arguments.SetInt(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  // The probe measures the bandwidth and grows the windows to megabytes a stream: 6 MB of a slow reader's data would
  // stand in memory instead of 64 KiB.
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kStreamWindowBytes);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, static_cast<int>(kKeepaliveTime.count()));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, static_cast<int>(kKeepaliveTimeout.count()));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kFirstReconnectMs);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kMaxReconnectMs);
  arguments.SetInt(GRPC_ARG_DNS_MIN_TIME_BETWEEN_RESOLUTIONS_MS, kBetweenLookUpsMs);
  // Without a retry policy these are the transparent ones alone (gRFC A6): a call that no server has seen, because its
  // connection was just told to go, is sent on another.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 1);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // The environment's proxy is for the upstreams, and a name's TXT records are nobody's configuration here.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  return grpc::CreateCustomChannel(
      target, options.credentials ? options.credentials : grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace tollgate
