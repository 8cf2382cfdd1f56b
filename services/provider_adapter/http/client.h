// HTTP/1.1 requests to one upstream, on one shard.
#pragma once

#include <boost/beast/http/fields.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/provider_adapter/http/body.h"
#include "services/provider_adapter/http/pool.h"

namespace tollgate::upstream {

struct ClientOptions {
  // From the request's last byte to the end of the response's head.
  milliseconds first_byte_timeout{300000};
  // Between two bytes of a response.
  milliseconds idle_timeout{300000};
};

struct Request {
  // Request line and headers, up to and including the blank line; content-length is in it.
  std::string head;
  // Outlives the call.
  Body body;
};

// A response whose head has come. Destroying it before its end closes the connection at once; read to its end, the
// connection goes back to the pool.
class Response {
 public:
  enum class Read { kBytes, kEnd, kQuiet };

  Response(Response&&) noexcept;
  Response& operator=(Response&&) noexcept;
  ~Response();

  unsigned status() const;
  const boost::beast::http::fields& headers() const;
  // Empty when there is none.
  std::string_view header(std::string_view name) const;

  // Body bytes as they come, decoded, into `bytes`: at least one. kQuiet when nothing came for `quiet`; the next call
  // goes on. Errors (cut short, malformed, silent for idle_timeout) carry a Failure; cancellation by exception.
  Awaitable<absl::StatusOr<Read>> read(std::string& bytes, milliseconds quiet);

  // Whether the upstream's kernel was heard of not longer ago than this. False after the end.
  bool heard_within(milliseconds time) const;

 private:
  friend class Client;
  struct Exchange;
  explicit Response(std::unique_ptr<Exchange> exchange);

  std::unique_ptr<Exchange> exchange_;
};

// Used on one shard.
class Client {
 public:
  Client(std::shared_ptr<Pool> pool, ClientOptions options) : pool_(std::move(pool)), options_(options) {}

  // Sends the request and waits for the head; interim (1xx) responses are skipped. A pooled connection that breaks
  // before the first byte of a response is replaced by a new one, once. Cancelling closes the connection at once.
  Awaitable<absl::StatusOr<Response>> send(const Request& request);

  const Pool& pool() const { return *pool_; }

 private:
  std::shared_ptr<Pool> pool_;
  ClientOptions options_;
};

}  // namespace tollgate::upstream
