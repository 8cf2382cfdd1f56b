#include "services/provider_adapter/http/pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/core/error.hpp>

#include "services/provider_adapter/upstream_failure.h"

namespace tollgate::upstream {

absl::StatusOr<std::shared_ptr<Pool>> Pool::make(asio::io_context& context, Deadlines& deadlines, PoolOptions options) {
  std::unique_ptr<Tls> tls;
  if (options.url.tls) {
    auto made = Tls::make(options.url.host, options.ca_file);
    if (!made.ok())
      return made.status();
    tls = *std::move(made);
  }
  return std::shared_ptr<Pool>(new Pool(context, deadlines, std::move(options), std::move(tls)));
}

Pool::Pool(asio::io_context& context, Deadlines& deadlines, PoolOptions options, std::unique_ptr<Tls> tls)
    : context_(context),
      deadlines_(deadlines),
      options_(std::move(options)),
      tls_(std::move(tls)),
      resolver_(context, options_.url.host, options_.url.port),
      slots_(std::make_shared<Slots>(context, std::max<std::size_t>(1, options_.max_connections))),
      idle_deadline_(deadlines, [this] { drop_old(); }) {}

Awaitable<absl::StatusOr<Lease>> Pool::acquire() {
  Slot slot = co_await slots_->acquire(options_.connect_timeout);
  if (!slot) {
    v1::Failure failure = upstream_failure(
        v1::Failure::KIND_OVERLOADED, options_.name,
        fmt::format("All {} connections to upstream {} were busy for {} ms. Raise upstreams.{}.max_connections.",
                    options_.max_connections, options_.name, options_.connect_timeout.count(), options_.name));
    failure.set_stage(v1::Failure::STAGE_GATEWAY);
    co_return to_status(failure);
  }
  while (!idle_.empty()) {
    std::unique_ptr<Connection> connection = std::move(idle_.back().connection);
    idle_.pop_back();
    if (connection->reusable()) {
      ++stats_.reused;
      co_return Lease(shared_from_this(), std::move(slot), std::move(connection), true);
    }
  }
  auto opened = co_await open();
  if (!opened.ok())
    co_return opened.status();
  co_return Lease(shared_from_this(), std::move(slot), *std::move(opened), false);
}

Awaitable<absl::Status> Pool::replace(Lease& lease) {
  lease.connection_.reset();
  ++stats_.replaced;
  auto opened = co_await open();
  if (!opened.ok())
    co_return opened.status();
  lease.connection_ = *std::move(opened);
  lease.reused_ = false;
  co_return absl::OkStatus();
}

absl::Status Pool::unreachable(const error_code& ec) const {
  const std::string where =
      fmt::format("{} ({}://{})", options_.name, options_.url.tls ? "https" : "http", options_.url.authority());
  if (ec == boost::beast::error::timeout) {
    return to_status(unreachable_upstream(
        v1::Failure::KIND_TIMEOUT, options_.name,
        fmt::format("Upstream {} could not be reached within {} ms.", where, options_.connect_timeout.count())));
  }
  return to_status(unreachable_upstream(v1::Failure::KIND_UNAVAILABLE, options_.name,
                                        fmt::format("Upstream {} could not be reached: {}.", where, ec.message())));
}

Awaitable<absl::StatusOr<std::unique_ptr<Connection>>> Pool::open() {
  const auto begin = SteadyClock::now();
  const auto left = [begin, total = options_.connect_timeout] {
    const auto used = std::chrono::duration_cast<milliseconds>(SteadyClock::now() - begin);
    return std::max(milliseconds(1), total - used);
  };
  std::vector<Tcp::endpoint> endpoints;
  error_code ec = co_await resolver_.resolve(options_.connect_timeout, endpoints);
  if (!ec && endpoints.empty())
    ec = asio::error::host_not_found;
  if (ec)
    co_return unreachable(ec);

  std::unique_ptr<Connection> connection;
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    connection = std::make_unique<Connection>(context_, deadlines_);
    // Each address has its share of the time, so that a dead one does not use it up.
    connection->deadline().expires_after(left() / (endpoints.size() - i));
    ec = co_await connection->connect(endpoints[i], options_.keepalive_idle);
    if (!ec)
      break;
  }
  if (ec)
    co_return unreachable(ec);
  if (tls_) {
    std::string reason;
    connection->deadline().expires_after(left());
    ec = co_await connection->handshake(*tls_, reason);
    if (ec == boost::beast::error::timeout)
      co_return unreachable(ec);
    if (ec) {
      co_return to_status(unreachable_upstream(
          v1::Failure::KIND_UNAVAILABLE, options_.name,
          fmt::format("TLS with upstream {} ({}) failed: {}. If its certificate is signed by an authority of your own, "
                      "set upstreams.{}.ca_file.",
                      options_.name, options_.url.authority(), reason, options_.name)));
    }
  }
  connection->deadline().clear();
  ++stats_.opened;
  co_return connection;
}

void Pool::put(std::unique_ptr<Connection> connection) {
  idle_.push_back({std::move(connection), SteadyClock::now()});
  if (idle_.size() == 1)
    idle_deadline_.expires_after(options_.idle_timeout);
}

void Pool::drop_old() {
  const auto now = SteadyClock::now();
  std::erase_if(idle_, [this, now](const Idle& idle) { return now - idle.since >= options_.idle_timeout; });
  if (idle_.empty())
    return;
  const auto left = idle_.front().since + options_.idle_timeout - now;
  idle_deadline_.expires_after(std::chrono::ceil<milliseconds>(left));
}

void Lease::give_back() {
  if (pool_ && connection_)
    pool_->put(std::move(connection_));
  slot_ = Slot();
}

void Lease::close() {
  connection_.reset();
  slot_ = Slot();
}

}  // namespace tollgate::upstream
