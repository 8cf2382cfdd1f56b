#include "tests/support/process/simulator.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <stdexcept>

namespace tollgate::testing {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using Json = nlohmann::ordered_json;

std::vector<std::string> command(const std::vector<std::string>& arguments) {
  std::vector<std::string> words{program("tollgate-simulator"), "--listen", "127.0.0.1:0", "--quiet"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return words;
}

template <class Stream>
http::response<http::string_body> round_trip(Stream& stream, const http::request<http::string_body>& request) {
  http::write(stream, request);
  boost::beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(boost::none);
  http::read(stream, buffer, parser);
  return parser.release();
}

}  // namespace

Simulator::Simulator(const std::vector<std::string>& arguments)
    : tls_(std::find(arguments.begin(), arguments.end(), "--cert") != arguments.end()),
      process_(command(arguments)),
      port_(static_cast<std::uint16_t>(std::stoul(process_.wait_for_line("listening on 127.0.0.1:")))) {}

std::string Simulator::url() const {
  return fmt::format("{}://127.0.0.1:{}", tls_ ? "https" : "http", port_);
}

void Simulator::script(const Json& steps) {
  call("POST", "/_sim/script", steps.dump());
}

void Simulator::reset() {
  call("POST", "/_sim/reset");
}

void Simulator::vertex(const Json& change) {
  call("POST", "/_sim/vertex", change.dump());
}

Json Simulator::requests() {
  return call("GET", "/_sim/requests").at("requests");
}

Json Simulator::billed() {
  return call("GET", "/_sim/billed");
}

Json Simulator::stats() {
  return call("GET", "/_sim/stats");
}

Json Simulator::call(const std::string& method, const std::string& path, const std::string& body) {
  asio::io_context context;
  asio::ip::tcp::socket socket(context);
  socket.connect({asio::ip::address_v4::loopback(), port_});
  http::request<http::string_body> request(http::string_to_verb(method), path, 11, body);
  request.set(http::field::host, "127.0.0.1");
  request.prepare_payload();
  http::response<http::string_body> response;
  if (tls_) {
    asio::ssl::context trusting(asio::ssl::context::tls_client);
    asio::ssl::stream<asio::ip::tcp::socket&> stream(socket, trusting);
    stream.handshake(asio::ssl::stream_base::client);
    response = round_trip(stream, request);
  } else {
    response = round_trip(socket, request);
  }
  if (response.result() != http::status::ok)
    throw std::runtime_error(fmt::format("{} {}: {}", method, path, response.body()));
  return Json::parse(response.body());
}

}  // namespace tollgate::testing
