// A blocking HTTP/1.1 client for tests. Errors of the socket are part of what it reports.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tollgate::testing {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method = "POST";
  std::string target;
  HttpHeaders headers;
  std::string body;
};

// One request on a connection of its own, and its response as it arrives.
class HttpExchange {
 public:
  // Throws boost::system::system_error when nobody listens.
  HttpExchange(std::uint16_t port, const HttpRequest& request, const std::string& host = "127.0.0.1");

  // Reads until the head is there; 0: the connection ended before.
  unsigned status();
  // Empty: there is none.
  std::string header(const std::string& name);
  // Reads until the body contains `text`; false: it ended before.
  bool read_until(const std::string& text);
  // Reads until there are `count` bytes of the body; false: it ended before.
  bool read_bytes(std::size_t count);
  // Reads to the end and returns the whole body.
  const std::string& body();
  // The body had its proper end, rather than being cut off. After body().
  bool complete() const { return parser_.is_done(); }
  // What has been read so far.
  const std::string& so_far() const { return parser_.get().body(); }
  void close();

 private:
  bool read_some();

  boost::asio::io_context context_;
  boost::asio::ip::tcp::socket socket_{context_};
  boost::beast::flat_buffer buffer_;
  boost::beast::http::response_parser<boost::beast::http::string_body> parser_;
  bool ended_ = false;
};

}  // namespace tollgate::testing
