// The gRPC server of a process: the services of its shards, the standard health service and reflection.
#pragma once

#include <grpcpp/impl/service_type.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "services/common/config/config.h"
#include "services/common/rpc/endless_streams.h"

namespace tollgate {

struct ServerOptions {
  // host:port; port 0: one that is free.
  std::string address = "127.0.0.1:0";
  // The largest request or response body in a message; LimitsConfig::body_bytes.
  std::uint64_t body_bytes = LimitsConfig{}.body_bytes;
  // Null: no TLS.
  std::shared_ptr<grpc::ServerCredentials> credentials = nullptr;
  // A connection is replaced when it is this old, so that callers find the replicas that were added; its streams go on
  // to their end.
  std::chrono::milliseconds connection_age{10 * 60 * 1000};
};

// Lifetime, from first to last: shards (running), implementations, services, RpcServer. It is destroyed in the reverse
// order, and drain() or the destructor returns only when every implementation coroutine has ended; for this the shards
// must still run. Afterwards nothing of gRPC refers to an io_context any more.
//
// Thread: the one that made it, which is none of the shards': start, drain and the destructor block.
class RpcServer {
 public:
  explicit RpcServer(ServerOptions options);
  // As drain(0).
  ~RpcServer();
  RpcServer(const RpcServer&) = delete;
  RpcServer& operator=(const RpcServer&) = delete;

  // Before start(); the service outlives the server.
  void add(grpc::Service& service);
  // Listens and serves; health says SERVING. UNAVAILABLE when the address cannot be had.
  absl::Status start();
  // The port it listens on, after start().
  int port() const { return port_; }
  // Health says NOT_SERVING, connections are told to go, no call is taken any more. Running calls may go on for
  // `deadline`, or until `haste` is stopped; then they are cancelled, and their callers get UNAVAILABLE. Streams
  // without an end of their own are not waited for. Returns when all have ended.
  void drain(std::chrono::milliseconds deadline, const std::stop_token& haste = {});

 private:
  const ServerOptions options_;
  std::vector<grpc::Service*> services_;
  std::vector<EndlessStreams*> endless_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

}  // namespace tollgate
