#include "services/common/rpc/server_runtime.h"

#include <fmt/format.h>
#include <grpc/grpc.h>
#include <grpc/support/time.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/server_builder.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "services/common/rpc/call_metrics.h"
#include "services/common/rpc/channel.h"

namespace tollgate {
namespace {

// gRPC knows these as settings of the process, for every server that is built afterwards.
void enable_standard_services() {
  static const bool enabled = [] {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    return true;
  }();
  static_cast<void>(enabled);
}

}  // namespace

RpcServer::RpcServer(ServerOptions options) : options_(std::move(options)) {}

RpcServer::~RpcServer() {
  drain(std::chrono::milliseconds(0));
}

void RpcServer::add(grpc::Service& service) {
  services_.push_back(&service);
  if (auto* endless = dynamic_cast<EndlessStreams*>(&service))
    endless_.push_back(endless);
}

absl::Status RpcServer::start() {
  enable_standard_services();
  show_call_metrics();
  grpc::ServerBuilder builder;
  builder.AddListeningPort(options_.address,
                           options_.credentials ? options_.credentials : grpc::InsecureServerCredentials(), &port_);
  const int message_bytes = static_cast<int>(
      std::min<std::uint64_t>(max_message_bytes(options_.body_bytes), std::numeric_limits<int>::max()));
  builder.SetMaxReceiveMessageSize(message_bytes);
  builder.SetMaxSendMessageSize(message_bytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, static_cast<int>(kKeepaliveTime.count()));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, static_cast<int>(kKeepaliveTimeout.count()));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // Callers ping every kKeepaliveTime; a third of it leaves room for other clients' settings.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             static_cast<int>(kKeepaliveTime.count() / 3));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, static_cast<int>(options_.connection_age.count()));
  // Two processes on one port would share its calls without a word.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // Reflection is the only service with blocking methods: one thread is enough for it.
  builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 1);
  for (grpc::Service* service : services_)
    builder.RegisterService(service);
  server_ = builder.BuildAndStart();
  if (!server_ || port_ == 0) {
    server_.reset();
    return absl::UnavailableError(
        fmt::format("listen.grpc: cannot listen on \"{}\". Is the address one of this machine and the port free?",
                    options_.address));
  }
  server_->GetHealthCheckService()->SetServingStatus(true);
  return absl::OkStatus();
}

void RpcServer::drain(std::chrono::milliseconds deadline, const std::stop_token& haste) {
  if (!server_)
    return;
  server_->GetHealthCheckService()->SetServingStatus(false);
  for (EndlessStreams* streams : endless_)
    streams->end_streams();
  if (haste.stop_requested())
    deadline = {};
  // What Shutdown() itself does at its deadline.
  const auto cancel = [this] { grpc_server_cancel_all_calls(server_->c_server()); };
  std::optional<std::stop_callback<decltype(cancel)>> cut(std::in_place, haste, cancel);
  const gpr_timespec span = gpr_time_from_millis(deadline.count(), GPR_TIMESPAN);
  server_->Shutdown(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), span));
  // Not before the callback is gone, which may run meanwhile.
  cut.reset();
  server_.reset();
}

}  // namespace tollgate
