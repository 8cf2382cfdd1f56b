#include "tests/simulator/simulator.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "tests/simulator/connection.h"

namespace tollgate::simulator {
namespace {

constexpr int kBacklog = 4096;

std::unique_ptr<asio::ssl::context> tls_context(const Options& options) {
  if (options.certificate_file.empty())
    return nullptr;
  auto context = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
  context->use_certificate_chain_file(options.certificate_file);
  context->use_private_key_file(options.key_file, asio::ssl::context::pem);
  return context;
}

}  // namespace

Simulator::Simulator(const Options& options)
    : shared_(options), tls_(tls_context(options)), shards_(options.threads), acceptor_(shards_.at(0)) {
  Tcp::endpoint endpoint(asio::ip::make_address(options.host), options.port);
  acceptor_.open(endpoint.protocol());
  acceptor_.set_option(asio::socket_base::reuse_address(true));
  acceptor_.bind(endpoint);
  acceptor_.listen(kBacklog);
  port_ = acceptor_.local_endpoint().port();
  asio::co_spawn(shards_.at(0), accept(), asio::detached);
  shards_.start();
}

Simulator::~Simulator() {
  shards_.stop();
}

Awaitable<void> Simulator::accept() {
  for (;;) {
    asio::io_context& shard = shards_.at(shards_.next());
    TcpSocket socket(shard);
    auto [error] = co_await acceptor_.async_accept(socket, as_tuple);
    if (error) {
      // Out of file descriptors: others may close.
      Timer pause(shards_.at(0), std::chrono::milliseconds(10));
      co_await pause.async_wait(use_awaitable);
      continue;
    }
    asio::co_spawn(shard, serve(std::move(socket), tls_.get(), shared_), asio::detached);
  }
}

}  // namespace tollgate::simulator
