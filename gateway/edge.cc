#include "gateway/edge.h"
#include "services/common/base/log.h"

#include <fmt/format.h>

#include <atomic>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "gateway/metrics.h"
#include "gateway/session.h"

namespace tollgate {
namespace {

// When the process has no file descriptors left, accepting again at once would only spin.
constexpr std::chrono::milliseconds kAcceptPause(100);
constexpr std::chrono::seconds kWarningPause(10);
// What a drain grants to cancelled requests and to clients that still read their last answer.
constexpr std::chrono::milliseconds kCutTime(6000);

// Of the whole process. Any thread.
class ConnectionCount {
 public:
  explicit ConnectionCount(std::size_t limit) : limit_(limit) {}

  bool open() {
    const std::lock_guard lock(mutex_);
    if (count_ == limit_)
      return false;
    ++count_;
    open_connections().Increment();
    return true;
  }

  void close() {
    const std::lock_guard lock(mutex_);
    open_connections().Decrement();
    if (--count_ == 0)
      none_.notify_all();
  }

  // False: the time is over, or `haste` was stopped before.
  bool wait_for_none(std::chrono::milliseconds time, const std::stop_token& haste = {}) {
    std::unique_lock lock(mutex_);
    return none_.wait_for(lock, haste, time, [this] { return count_ == 0; });
  }

 private:
  const std::size_t limit_;
  std::mutex mutex_;
  std::condition_variable_any none_;
  std::size_t count_ = 0;
};

// One warning in a while, however many there would be. Any thread.
class Warning {
 public:
  bool due() {
    const auto now = SteadyClock::now().time_since_epoch().count();
    auto next = next_.load(std::memory_order_relaxed);
    const auto pause = SteadyClock::duration(kWarningPause).count();
    return now >= next && next_.compare_exchange_strong(next, now + pause, std::memory_order_relaxed);
  }

 private:
  std::atomic<SteadyClock::rep> next_{0};
};

void refuse_address(const EdgeShard& shard, const IpAddress& address) {
  static Warning warning;
  refused_connections(Closed::kTooManyOfAddress).Increment();
  if (warning.due()) {
    Log(spdlog::level::warn, "too_many_connections_of_address")
        .with("address", address.text())
        .with("limits.connections_per_address", shard.limits.connections_per_address);
  }
}

// The client behind a trusted proxy that says so itself; nothing when the connection is of no use.
Awaitable<std::optional<IpAddress>> proxied_client(const EdgeShard& shard, Connection& connection, IpAddress peer) {
  static Warning warning;
  const ProxyHeader header = co_await connection.read_proxy_header(shard.timeouts.header);
  if (header.state == ProxyHeader::State::kDone)
    co_return header.client.value_or(peer);
  refused_connections(Closed::kProxyHeader).Increment();
  if (warning.due())
    Log(spdlog::level::warn, "no_proxy_header").with("address", peer.text());
  co_return std::nullopt;
}

// The shard and the count outlive the connection even when the edge does not.
Awaitable<void> serve_connection(std::shared_ptr<EdgeShard> shard, std::shared_ptr<Connection> connection,
                                 IpAddress peer) {
  if (shard->guards->addresses.speaks_proxy_protocol(peer)) {
    const std::optional<IpAddress> client = co_await proxied_client(*shard, *connection, peer);
    if (!client) {
      connection->close();
      co_return;
    }
    peer = *client;
  }
  std::optional<AddressSlots::Slot> slot;
  if (!shard->guards->addresses.unlimited(peer)) {
    slot = shard->guards->slots->enter(peer);
    if (!slot) {
      refuse_address(*shard, peer);
      connection->close();
      co_return;
    }
  }
  Session session(*shard, *connection, peer);
  co_await session.run();
}

void start_connection(asio::io_context& context, std::shared_ptr<EdgeShard> shard,
                      std::shared_ptr<ConnectionCount> count, std::unique_ptr<Transport> transport,
                      const IpAddress& peer) {
  auto connection = std::make_shared<Connection>(std::move(transport), shard->deadlines, shard->timeouts.write,
                                                 shard->limits.bytes_per_second, shard->limits.header_bytes);
  const asio::cancellation_slot slot = connection->cancel_signal().slot();
  auto ended = [connection, count](std::exception_ptr exception) {
    try {
      if (exception)
        std::rethrow_exception(exception);
    } catch (const std::exception& error) {
      Log(spdlog::level::err, "connection_failed").with("error", error.what());
    }
    count->close();
  };
  asio::co_spawn(context, serve_connection(std::move(shard), connection, peer),
                 asio::bind_cancellation_slot(slot, std::move(ended)));
}

int select_http_1_1(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in, unsigned in_size,
                    void*) {
  // The answer points into it.
  static constexpr unsigned char ours[] = "\x08http/1.1";
  unsigned char* selected = nullptr;
  if (SSL_select_next_proto(&selected, out_size, ours, sizeof ours - 1, in, in_size) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_NOACK;
  *out = selected;
  return SSL_TLSEXT_ERR_OK;
}

absl::StatusOr<std::unique_ptr<asio::ssl::context>> make_tls_context(const TlsListenConfig& config) {
  auto context = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
  context->set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_compression);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  SSL_CTX_set_options(context->native_handle(), SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_alpn_select_cb(context->native_handle(), select_http_1_1, nullptr);
  error_code error;
  context->use_certificate_chain_file(config.certificate_file, error);
  if (error) {
    return absl::InvalidArgumentError(fmt::format("listen.tls.certificate_file: {} is not a PEM certificate: {}",
                                                  config.certificate_file, error.message()));
  }
  context->use_private_key_file(config.key_file, asio::ssl::context::pem, error);
  if (error) {
    return absl::InvalidArgumentError(
        fmt::format("listen.tls.key_file: {} is not the certificate's PEM key: {}", config.key_file, error.message()));
  }
  return context;
}

absl::StatusOr<Tcp::endpoint> resolve(asio::io_context& context, const std::string& address) {
  const auto colon = address.rfind(':');
  if (colon == std::string::npos)
    return absl::InvalidArgumentError(fmt::format("listen.http: \"{}\" is not host:port", address));
  std::string host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  error_code error;
  asio::ip::basic_resolver<Tcp, Executor> resolver(context);
  const auto found = resolver.resolve(host, address.substr(colon + 1), Tcp::resolver::passive, error);
  if (error || found.empty())
    return absl::InvalidArgumentError(fmt::format("listen.http: \"{}\": {}", address, error.message()));
  return found.begin()->endpoint();
}

}  // namespace

// On shard 0 but for what is said to be of any thread.
struct Edge::State {
  State(const Config& configuration, Shards& all, std::vector<EdgeServices> services)
      : config(configuration),
        shards(all),
        guards(std::make_shared<Guards>(configuration)),
        count(std::make_shared<ConnectionCount>(configuration.limits.connections)),
        acceptor(all.at(0)),
        pause(all.at(0)) {
    for (std::size_t i = 0; i < shards.size(); ++i)
      edge_shards.push_back(std::make_shared<EdgeShard>(shards.at(i), services.at(i), config, guards));
  }

  std::unique_ptr<Transport> transport_of(TcpSocket socket) {
    return tls ? make_tls_transport(std::move(socket), *tls) : make_plain_transport(std::move(socket));
  }

  static Awaitable<void> accept(std::shared_ptr<State> state);
  void hand_over(std::size_t index, TcpSocket socket);
  // Any thread: runs `action` on each session, on its shard.
  void for_each_session(void (Session::*action)());

  const Config config;
  Shards& shards;
  const std::shared_ptr<Guards> guards;
  std::vector<std::shared_ptr<EdgeShard>> edge_shards;
  std::shared_ptr<ConnectionCount> count;
  std::unique_ptr<asio::ssl::context> tls;
  TcpAcceptor acceptor;
  Timer pause;
  Warning too_many;
  std::uint16_t port = 0;
};

Awaitable<void> Edge::State::accept(std::shared_ptr<State> state) {
  while (state->acceptor.is_open()) {
    const std::size_t index = state->shards.next();
    asio::io_context& context = state->shards.at(index);
    auto [error, socket] = co_await state->acceptor.async_accept(context, as_tuple);
    if (!error) {
      state->hand_over(index, std::move(socket));
    } else if (error != asio::error::operation_aborted && error != asio::error::connection_aborted) {
      Log(spdlog::level::warn, "accept_failed").with("error", error.message());
      state->pause.expires_after(kAcceptPause);
      co_await state->pause.async_wait(as_tuple);
    }
  }
}

void Edge::State::hand_over(std::size_t index, TcpSocket socket) {
  if (!count->open()) {
    refused_connections(Closed::kTooMany).Increment();
    if (too_many.due())
      Log(spdlog::level::warn, "too_many_connections").with("limits.connections", config.limits.connections);
    return;
  }
  error_code ignored;
  const IpAddress peer = to_ip(socket.remote_endpoint(ignored).address());
  socket.set_option(Tcp::no_delay(true), ignored);
  asio::io_context& context = shards.at(index);
  asio::post(context, [&context, shard = edge_shards[index], all = count, peer,
                       transport = transport_of(std::move(socket))]() mutable {
    start_connection(context, std::move(shard), std::move(all), std::move(transport), peer);
  });
}

void Edge::State::for_each_session(void (Session::*action)()) {
  for (std::size_t i = 0; i < shards.size(); ++i) {
    asio::post(shards.at(i), [shard = edge_shards[i], action] {
      shard->draining = true;
      for (Session& session : shard->sessions)
        (session.*action)();
    });
  }
}

Edge::Edge(const Config& config, Shards& shards, std::vector<EdgeServices> services)
    : state_(std::make_shared<State>(config, shards, std::move(services))) {}

Edge::~Edge() = default;

absl::Status Edge::listen() {
  const ListenConfig& listen = state_->config.listen;
  if (!listen.tls.certificate_file.empty()) {
    auto tls = make_tls_context(listen.tls);
    if (!tls.ok())
      return tls.status();
    state_->tls = *std::move(tls);
  }
  const auto endpoint = resolve(state_->shards.at(0), listen.http);
  if (!endpoint.ok())
    return endpoint.status();
  TcpAcceptor& acceptor = state_->acceptor;
  error_code error;
  acceptor.open(endpoint->protocol(), error);
  if (!error)
    acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error)
    acceptor.bind(*endpoint, error);
  if (!error)
    acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error)
    return absl::UnavailableError(fmt::format("listen.http: cannot listen on {}: {}", listen.http, error.message()));
  state_->port = acceptor.local_endpoint(error).port();
  asio::co_spawn(state_->shards.at(0), State::accept(state_), asio::detached);
  return absl::OkStatus();
}

std::uint16_t Edge::port() const {
  return state_->port;
}

bool Edge::drain(std::chrono::milliseconds time, const std::stop_token& haste) {
  asio::post(state_->shards.at(0), [state = state_] {
    error_code ignored;
    state->acceptor.close(ignored);
    state->pause.cancel();
  });
  state_->for_each_session(&Session::drain);
  if (state_->count->wait_for_none(time, haste))
    return true;
  state_->for_each_session(&Session::cut);
  state_->count->wait_for_none(kCutTime);
  return false;
}

}  // namespace tollgate
