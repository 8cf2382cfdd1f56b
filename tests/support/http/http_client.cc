#include "tests/support/http/http_client.h"

#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <limits>

namespace tollgate::testing {

namespace asio = boost::asio;
namespace http = boost::beast::http;

HttpExchange::HttpExchange(std::uint16_t port, const HttpRequest& request, const std::string& host) {
  parser_.body_limit(std::numeric_limits<std::uint64_t>::max());
  socket_.connect({asio::ip::make_address(host), port});
  socket_.set_option(asio::ip::tcp::no_delay(true));
  std::string head = request.method + " " + request.target + " HTTP/1.1\r\nHost: localhost\r\n";
  for (const auto& [name, value] : request.headers)
    head += name + ": " + value + "\r\n";
  if (request.method == "POST")
    head += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  boost::system::error_code error;
  asio::write(socket_, asio::buffer(head + "\r\n" + request.body), error);
}

bool HttpExchange::read_some() {
  if (ended_ || parser_.is_done())
    return false;
  boost::system::error_code error;
  http::read_some(socket_, buffer_, parser_, error);
  ended_ = static_cast<bool>(error);
  return !ended_;
}

unsigned HttpExchange::status() {
  while (!parser_.is_header_done() && read_some()) {
  }
  return parser_.is_header_done() ? parser_.get().result_int() : 0;
}

std::string HttpExchange::header(const std::string& name) {
  status();
  return std::string(parser_.get()[name]);
}

bool HttpExchange::read_until(const std::string& text) {
  while (so_far().find(text) == std::string::npos) {
    if (!read_some())
      return so_far().find(text) != std::string::npos;
  }
  return true;
}

bool HttpExchange::read_bytes(std::size_t count) {
  while (so_far().size() < count && read_some()) {
  }
  return so_far().size() >= count;
}

const std::string& HttpExchange::body() {
  while (read_some()) {
  }
  return so_far();
}

void HttpExchange::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

}  // namespace tollgate::testing
