#include "services/common/telemetry/metrics_listener.h"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <thread>
#include <utility>

#include "services/common/async.h"

namespace tollgate {
namespace {

namespace http = boost::beast::http;
using Stream = boost::beast::basic_stream<Tcp, Executor>;
using Response = http::response<http::string_body>;

// Of two Prometheus servers and a person; whoever comes beyond waits.
constexpr std::size_t kMostConnections = 16;
constexpr std::uint32_t kHeadBytes = 16 * 1024;
// For a request, for its answer, and between two.
constexpr std::chrono::seconds kPatience(60);
constexpr std::chrono::milliseconds kPause(100);

absl::StatusOr<Tcp::endpoint> endpoint_of(asio::io_context& context, const std::string& address) {
  const auto colon = address.rfind(':');
  if (colon == std::string::npos)
    return absl::InvalidArgumentError(fmt::format("telemetry.metrics: \"{}\" is not host:port", address));
  std::string host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  error_code error;
  asio::ip::basic_resolver<Tcp, Executor> resolver(context);
  const auto found = resolver.resolve(host, address.substr(colon + 1), Tcp::resolver::passive, error);
  if (error || found.empty())
    return absl::InvalidArgumentError(fmt::format("telemetry.metrics: \"{}\": {}", address, error.message()));
  return found.begin()->endpoint();
}

Response answer(const http::request<http::empty_body>& request, const Telemetry& telemetry) {
  Response response(http::status::ok, request.version());
  response.keep_alive(request.keep_alive());
  const auto target = request.target();
  const bool get = request.method() == http::verb::get;
  if (!get && request.method() != http::verb::head) {
    response.result(http::status::method_not_allowed);
    response.set(http::field::allow, "GET, HEAD");
  } else if (target.substr(0, target.find('?')) != "/metrics") {
    response.result(http::status::not_found);
    response.body() = "The metrics are at /metrics.\n";
  } else {
    response.set(http::field::content_type, "text/plain; version=0.0.4; charset=utf-8");
    response.body() = telemetry.text();
  }
  response.prepare_payload();
  // The length of what GET would bring, without it.
  if (!get)
    response.body().clear();
  return response;
}

}  // namespace

struct MetricsListener::State {
  explicit State(const Telemetry& source) : telemetry(source), acceptor(context), pause(context) {}

  Awaitable<void> accept() {
    while (acceptor.is_open()) {
      if (connections >= kMostConnections) {
        pause.expires_after(kPause);
        co_await pause.async_wait(as_tuple);
        continue;
      }
      auto [error, socket] = co_await acceptor.async_accept(as_tuple);
      if (!error) {
        ++connections;
        asio::co_spawn(context, serve(Stream(std::move(socket))), [this](std::exception_ptr) { --connections; });
      } else if (error != asio::error::operation_aborted) {
        pause.expires_after(kPause);
        co_await pause.async_wait(as_tuple);
      }
    }
  }

  Awaitable<void> serve(Stream stream) {
    boost::beast::flat_buffer buffer;
    bool again = true;
    while (again) {
      http::request_parser<http::empty_body> parser;
      parser.header_limit(kHeadBytes);
      stream.expires_after(kPatience);
      const auto [read_error, read] = co_await http::async_read(stream, buffer, parser, as_tuple);
      if (read_error)
        break;
      const Response response = answer(parser.get(), telemetry);
      http::response_serializer<http::string_body> serializer(response);
      stream.expires_after(kPatience);
      const auto [write_error, written] = co_await http::async_write(stream, serializer, as_tuple);
      again = !write_error && response.keep_alive();
    }
    error_code ignored;
    stream.socket().shutdown(Tcp::socket::shutdown_send, ignored);
  }

  const Telemetry& telemetry;
  asio::io_context context{1};
  TcpAcceptor acceptor;
  Timer pause;
  std::size_t connections = 0;
  std::uint16_t port = 0;
  std::thread thread;
};

absl::StatusOr<std::unique_ptr<MetricsListener>> MetricsListener::start(const std::string& address,
                                                                        const Telemetry& telemetry) {
  auto state = std::make_unique<State>(telemetry);
  const absl::StatusOr<Tcp::endpoint> endpoint = endpoint_of(state->context, address);
  if (!endpoint.ok())
    return endpoint.status();
  TcpAcceptor& acceptor = state->acceptor;
  error_code error;
  acceptor.open(endpoint->protocol(), error);
  if (!error)
    acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error)
    acceptor.bind(*endpoint, error);
  if (!error)
    acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error)
    return absl::UnavailableError(fmt::format("telemetry.metrics: cannot listen on {}: {}", address, error.message()));
  state->port = acceptor.local_endpoint(error).port();
  asio::co_spawn(state->context, state->accept(), asio::detached);
  state->thread = std::thread([&context = state->context] { context.run(); });
  return std::unique_ptr<MetricsListener>(new MetricsListener(std::move(state)));
}

MetricsListener::MetricsListener(std::unique_ptr<State> state) : state_(std::move(state)) {}

MetricsListener::~MetricsListener() {
  state_->context.stop();
  state_->thread.join();
}

std::uint16_t MetricsListener::port() const {
  return state_->port;
}

}  // namespace tollgate
