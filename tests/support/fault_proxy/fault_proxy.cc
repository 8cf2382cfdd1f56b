#include "tests/support/fault_proxy/fault_proxy.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <boost/asio.hpp>
#include <deque>
#include <future>
#include <random>
#include <set>
#include <vector>

namespace tollgate::testing {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

using Endpoint = asio::generic::stream_protocol::endpoint;
using Socket = asio::generic::stream_protocol::socket;

constexpr auto kToken = asio::as_tuple(asio::use_awaitable);
// What waits to be passed on; beyond it nothing more is read.
constexpr std::size_t kMostWaiting = 1024 * 1024;
constexpr std::size_t kReadBytes = 16 * 1024;
constexpr milliseconds kLook{2};

Endpoint endpoint_of(const std::string& target) {
  if (target.starts_with("unix:"))
    return asio::local::stream_protocol::endpoint(target.substr(5));
  const auto colon = target.rfind(':');
  return tcp::endpoint(asio::ip::make_address(target.substr(0, colon)),
                       static_cast<std::uint16_t>(std::stoul(target.substr(colon + 1))));
}

}  // namespace

// All but the counters belongs to the proxy's thread.
struct FaultProxy::State : std::enable_shared_from_this<FaultProxy::State> {
  struct Chunk {
    std::vector<char> bytes;
    steady_clock::time_point due;
  };

  // One way of a connection.
  struct Pipe {
    explicit Pipe(asio::io_context& context) : change(context, steady_clock::time_point::max()) {}

    std::deque<Chunk> chunks;
    std::size_t waiting = 0;
    bool ended = false;
    asio::steady_timer change;
  };

  struct Connection {
    Connection(asio::io_context& context, Socket from)
        : near(std::move(from)), far(context), there(context), back(context) {}

    void close() {
      error_code ignored;
      near.close(ignored);
      far.close(ignored);
      there.change.cancel();
      back.change.cancel();
    }
    void reset() {
      error_code ignored;
      near.set_option(asio::socket_base::linger(true, 0), ignored);
      far.set_option(asio::socket_base::linger(true, 0), ignored);
      close();
    }

    Socket near;
    Socket far;
    Pipe there;
    Pipe back;
    std::uint64_t passed = 0;
    int running = 0;
  };
  using ConnectionPtr = std::shared_ptr<Connection>;

  State(asio::io_context& of, const std::string& leads_to)
      : context(of), acceptor(of, tcp::endpoint(asio::ip::address_v4::loopback(), 0)), target(endpoint_of(leads_to)) {}

  asio::awaitable<void> accept() {
    const auto self = shared_from_this();
    while (acceptor.is_open()) {
      auto [error, socket] = co_await acceptor.async_accept(kToken);
      if (error)
        continue;
      ++accepted;
      socket.set_option(tcp::no_delay(true));
      auto connection = std::make_shared<Connection>(context, Socket(std::move(socket)));
      asio::co_spawn(context, connect(connection), asio::detached);
    }
  }

  asio::awaitable<void> connect(ConnectionPtr connection) {
    const auto self = shared_from_this();
    connections.insert(connection);
    co_await passage(*connection);
    auto [error] = co_await connection->far.async_connect(target, kToken);
    if (error || !connection->near.is_open()) {
      connection->reset();
      connections.erase(connection);
      co_return;
    }
    error_code ignored;
    connection->far.set_option(tcp::no_delay(true), ignored);
    connection->running = 4;
    asio::co_spawn(context, read(connection, connection->near, connection->there), asio::detached);
    asio::co_spawn(context, write(connection, connection->far, connection->there), asio::detached);
    asio::co_spawn(context, read(connection, connection->far, connection->back), asio::detached);
    asio::co_spawn(context, write(connection, connection->near, connection->back), asio::detached);
  }

  void leave(const ConnectionPtr& connection) {
    if (--connection->running > 0)
      return;
    connection->close();
    connections.erase(connection);
  }

  asio::awaitable<void> read(ConnectionPtr connection, Socket& from, Pipe& pipe) {
    const auto self = shared_from_this();
    steady_clock::time_point last;
    for (;;) {
      Chunk chunk{std::vector<char>(kReadBytes), {}};
      auto [error, size] = co_await from.async_read_some(asio::buffer(chunk.bytes), kToken);
      if (error)
        break;
      chunk.bytes.resize(size);
      const auto more = std::uniform_int_distribution<milliseconds::rep>(0, faults.jitter.count())(random);
      last = chunk.due = std::max(last, steady_clock::now() + faults.latency + milliseconds(more));
      pipe.waiting += size;
      pipe.chunks.push_back(std::move(chunk));
      pipe.change.cancel();
      while (pipe.waiting > kMostWaiting && connection->near.is_open())
        co_await pipe.change.async_wait(kToken);
    }
    pipe.ended = true;
    pipe.change.cancel();
    leave(connection);
  }

  asio::awaitable<void> write(ConnectionPtr connection, Socket& to, Pipe& pipe) {
    const auto self = shared_from_this();
    asio::steady_timer timer(context);
    while (connection->near.is_open()) {
      if (pipe.chunks.empty()) {
        if (pipe.ended)
          break;
        co_await pipe.change.async_wait(kToken);
        continue;
      }
      const Chunk chunk = std::move(pipe.chunks.front());
      pipe.chunks.pop_front();
      timer.expires_at(chunk.due);
      co_await timer.async_wait(kToken);
      if (!co_await pass(*connection, to, chunk.bytes))
        break;
      pipe.waiting -= chunk.bytes.size();
      pipe.change.cancel();
    }
    // The end of what one side had to say is passed on as well.
    co_await passage(*connection);
    error_code ignored;
    to.shutdown(asio::socket_base::shutdown_send, ignored);
    leave(connection);
  }

  // Waits for as long as nothing passes.
  asio::awaitable<void> passage(Connection& connection) {
    asio::steady_timer timer(context);
    while (faults.partition && connection.near.is_open()) {
      timer.expires_after(kLook);
      co_await timer.async_wait(kToken);
    }
  }

  asio::awaitable<bool> pass(Connection& connection, Socket& to, const std::vector<char>& bytes) {
    for (std::size_t at = 0; at < bytes.size();) {
      co_await passage(connection);
      std::size_t size = bytes.size() - at;
      if (faults.piece_bytes > 0)
        size = std::min(size, faults.piece_bytes);
      if (faults.cut_after_bytes > 0)
        size =
            std::min<std::size_t>(size, faults.cut_after_bytes - std::min(faults.cut_after_bytes, connection.passed));
      if (size > 0) {
        auto [error, written] = co_await asio::async_write(to, asio::buffer(bytes.data() + at, size), kToken);
        if (error)
          co_return false;
        at += written;
        connection.passed += written;
      }
      if (faults.cut_after_bytes > 0 && connection.passed >= faults.cut_after_bytes) {
        ++cuts;
        connection.reset();
        co_return false;
      }
    }
    co_return true;
  }

  asio::io_context& context;
  tcp::acceptor acceptor;
  Endpoint target;
  Faults faults;
  std::mt19937 random{1};
  std::set<ConnectionPtr> connections;
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> cuts{0};
};

FaultProxy::FaultProxy(const std::string& target) : state_(std::make_shared<State>(context_, target)) {
  port_ = state_->acceptor.local_endpoint().port();
  asio::co_spawn(context_, state_->accept(), asio::detached);
  thread_ = std::thread([this] { context_.run(); });
}

FaultProxy::~FaultProxy() {
  asio::post(context_, [state = state_] {
    error_code ignored;
    state->acceptor.close(ignored);
    for (const auto& connection : state->connections)
      connection->reset();
  });
  thread_.join();
}

std::string FaultProxy::address() const {
  return fmt::format("127.0.0.1:{}", port_);
}

void FaultProxy::set(const Faults& faults) {
  asio::post(context_, std::packaged_task<void()>([state = state_, faults] {
               state->faults = faults;
               for (const auto& connection : state->connections)
                 connection->passed = 0;
             }))
      .get();
}

void FaultProxy::cut() {
  asio::post(context_, std::packaged_task<void()>([state = state_] {
               for (const auto& connection : state->connections) {
                 ++state->cuts;
                 connection->reset();
               }
             }))
      .get();
}

void FaultProxy::lead_to(const std::string& target) {
  asio::post(context_, std::packaged_task<void()>([state = state_, to = endpoint_of(target)] { state->target = to; }))
      .get();
}

std::uint64_t FaultProxy::accepted() const {
  return state_->accepted;
}

std::uint64_t FaultProxy::cuts() const {
  return state_->cuts;
}

}  // namespace tollgate::testing
