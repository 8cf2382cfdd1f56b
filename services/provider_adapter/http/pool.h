// The connections of one shard to one upstream.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/common/config/config.h"
#include "services/provider_adapter/http/connection.h"
#include "services/provider_adapter/http/resolver.h"
#include "services/provider_adapter/http/slots.h"
#include "services/provider_adapter/http/tls.h"
#include "services/provider_adapter/http/url.h"

namespace tollgate::upstream {

struct PoolOptions {
  // The upstream's configured name, for errors.
  std::string name;
  Url url;
  // As UpstreamConfig.
  std::string ca_file;
  std::uint32_t max_connections = 1024;
  // Resolution, all addresses and the TLS handshake together; the wait for a free slot is limited by it as well.
  milliseconds connect_timeout{5000};
  // An unused connection is closed after this time. Below the 60 s and more that servers and balancers usually allow.
  milliseconds idle_timeout{50000};
  // Silence after which the kernel probes the peer.
  std::chrono::seconds keepalive_idle{15};
};

// Since the start.
struct PoolStats {
  std::uint64_t opened = 0;
  std::uint64_t reused = 0;
  // Pooled connections that turned out dead while a request was sent over them.
  std::uint64_t replaced = 0;
};

class Lease;

// Used on one shard. Always held by a shared_ptr: each lease keeps it alive.
class Pool : public std::enable_shared_from_this<Pool> {
 public:
  static absl::StatusOr<std::shared_ptr<Pool>> make(asio::io_context& context, Deadlines& deadlines,
                                                    PoolOptions options);

  // The connection used last that still lives, or a new one; waits while max_connections are in use. Errors carry a
  // Failure; cancellation by exception.
  Awaitable<absl::StatusOr<Lease>> acquire();
  // A new connection in place of one that turned out dead.
  Awaitable<absl::Status> replace(Lease& lease);

  const PoolOptions& options() const { return options_; }
  const PoolStats& stats() const { return stats_; }
  std::size_t idle() const { return idle_.size(); }

 private:
  friend class Lease;
  struct Idle {
    std::unique_ptr<Connection> connection;
    SteadyClock::time_point since;
  };

  Pool(asio::io_context& context, Deadlines& deadlines, PoolOptions options, std::unique_ptr<Tls> tls);
  Awaitable<absl::StatusOr<std::unique_ptr<Connection>>> open();
  absl::Status unreachable(const error_code& ec) const;
  void put(std::unique_ptr<Connection> connection);
  void drop_old();

  asio::io_context& context_;
  Deadlines& deadlines_;
  const PoolOptions options_;
  std::unique_ptr<Tls> tls_;
  Resolver resolver_;
  std::shared_ptr<Slots> slots_;
  // Oldest first.
  std::vector<Idle> idle_;
  Deadline idle_deadline_;
  PoolStats stats_;
};

// A connection in use. The destructor closes it; only give_back() returns it to the pool.
class Lease {
 public:
  Lease(std::shared_ptr<Pool> pool, Slot slot, std::unique_ptr<Connection> connection, bool reused)
      : pool_(std::move(pool)), slot_(std::move(slot)), connection_(std::move(connection)), reused_(reused) {}

  Connection& connection() const { return *connection_; }
  // False after give_back() and close().
  bool open() const { return connection_ != nullptr; }
  // Not opened for this lease.
  bool reused() const { return reused_; }
  void give_back();
  void close();

 private:
  friend class Pool;
  std::shared_ptr<Pool> pool_;
  // Before the connection, so that the connection is closed before its slot is free.
  Slot slot_;
  std::unique_ptr<Connection> connection_;
  bool reused_;
};

}  // namespace tollgate::upstream
