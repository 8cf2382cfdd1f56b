#include "services/provider_adapter/http/client.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/ssl/error.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <optional>

#include "services/provider_adapter/upstream_failure.h"

namespace tollgate::upstream {
namespace {

namespace http = boost::beast::http;

constexpr std::uint32_t kHeadLimit = 64 * 1024;
// More interim responses than this before the real one are a fault.
constexpr int kMaxInterim = 16;

// A Beast body that collects what one read brought; the caller takes it away.
struct Collected {
  using value_type = std::string;

  class reader {
   public:
    template <bool kIsRequest, class Fields>
    reader(http::header<kIsRequest, Fields>&, std::string& value) : value_(value) {}

    void init(const boost::optional<std::uint64_t>&, error_code& ec) { ec = {}; }

    template <class Buffers>
    std::size_t put(const Buffers& buffers, error_code& ec) {
      ec = {};
      std::size_t size = 0;
      for (auto it = asio::buffer_sequence_begin(buffers); it != asio::buffer_sequence_end(buffers); ++it) {
        const asio::const_buffer buffer(*it);
        value_.append(static_cast<const char*>(buffer.data()), buffer.size());
        size += buffer.size();
      }
      return size;
    }

    void finish(error_code& ec) { ec = {}; }

   private:
    std::string& value_;
  };
};

using Parser = http::response_parser<Collected>;

// The connection broke; timed_out is the kernel's, about a peer that no longer acknowledges.
bool is_lost(const error_code& ec) {
  return ec == asio::error::eof || ec == asio::error::connection_reset || ec == asio::error::broken_pipe ||
         ec == asio::error::connection_aborted || ec == asio::error::timed_out ||
         ec.category() == asio::error::get_ssl_category() || ec.category() == asio::ssl::error::get_stream_category();
}

milliseconds since(SteadyClock::time_point time) {
  return std::chrono::duration_cast<milliseconds>(SteadyClock::now() - time);
}

}  // namespace

struct Response::Exchange {
  Exchange(Lease taken, const ClientOptions& limits, const std::string& upstream)
      : lease(std::move(taken)), options(limits), name(upstream) {
    reset_parser();
  }

  void reset_parser() {
    parser.emplace();
    parser->eager(true);
    parser->header_limit(kHeadLimit);
    parser->body_limit(boost::none);
  }

  Awaitable<error_code> send(const Request& request);
  Awaitable<error_code> read_head();
  error_code parse();
  void finish();
  absl::Status failure(const error_code& ec) const;

  Lease lease;
  ClientOptions options;
  const std::string& name;
  std::optional<Parser> parser;
  // Any byte of a response.
  bool received = false;
  // What ended the response early, told once the bytes before it are handed out.
  error_code broken;
  // When the bytes handed out last had come.
  SteadyClock::time_point silent_since = SteadyClock::now();
  bool handed_out = false;
};

Awaitable<error_code> Response::Exchange::send(const Request& request) {
  std::vector<asio::const_buffer> pieces;
  pieces.reserve(request.body.pieces.size() + 1);
  pieces.push_back(asio::buffer(request.head));
  for (std::string_view piece : request.body.pieces)
    pieces.push_back(asio::buffer(piece));
  Connection& connection = lease.connection();
  connection.deadline().expires_after(options.first_byte_timeout);
  const error_code sent = co_await connection.write(std::move(pieces));
  // An upstream that refuses a body may close its side before it has read it all, and the answer is still there.
  if (sent && !is_lost(sent))
    co_return sent;
  connection.deadline().expires_after(options.first_byte_timeout);
  const error_code got = co_await read_head();
  connection.deadline().clear();
  co_return got;
}

Awaitable<error_code> Response::Exchange::read_head() {
  Connection& connection = lease.connection();
  int interim = 0;
  for (;;) {
    const error_code parsed = parse();
    if (parsed && !parser->is_header_done())
      co_return parsed;
    // A fault in what came with the head is told after it.
    broken = parsed;
    if (parser->is_header_done()) {
      const unsigned status = parser->get().result_int();
      if (status >= 200)
        break;
      if (status == 101 || ++interim > kMaxInterim)
        co_return http::error::bad_status;
      reset_parser();
      continue;
    }
    const error_code ec = co_await connection.read();
    if (ec)
      co_return ec;
    received = true;
  }
  silent_since = SteadyClock::now();
  const auto& head = parser->get();
  const auto coding = head.find(http::field::transfer_encoding);
  if (coding != head.end() && !boost::beast::iequals(coding->value(), "chunked"))
    co_return http::error::bad_transfer_encoding;
  co_return error_code();
}

error_code Response::Exchange::parse() {
  auto& buffer = lease.connection().buffer();
  while (buffer.size() > 0 && !parser->is_done()) {
    error_code ec;
    buffer.consume(parser->put(buffer.data(), ec));
    if (ec == http::error::need_more)
      break;
    if (ec)
      return ec;
  }
  return error_code();
}

void Response::Exchange::finish() {
  if (!lease.open())
    return;
  if (parser->keep_alive() && lease.connection().buffer().size() == 0) {
    lease.give_back();
  } else {
    lease.close();
  }
}

absl::Status Response::Exchange::failure(const error_code& ec) const {
  if (ec == boost::beast::error::timeout) {
    std::string text = parser->is_header_done() ? fmt::format("Upstream {} fell silent for {} ms within its response.",
                                                              name, options.idle_timeout.count())
                                                : fmt::format("Upstream {} did not begin to answer within {} ms.", name,
                                                              options.first_byte_timeout.count());
    return to_status(upstream_failure(v1::Failure::KIND_TIMEOUT, name, std::move(text)));
  }
  if (ec == asio::error::eof || ec == http::error::partial_message || ec == http::error::end_of_stream)
    return to_status(
        bad_response(name, fmt::format("Upstream {} closed the connection before the end of its response.", name)));
  if (is_lost(ec))
    return to_status(bad_response(name, fmt::format("The connection to upstream {} broke: {}.", name, ec.message())));
  return to_status(bad_response(name, fmt::format("Upstream {} sent a malformed response: {}.", name, ec.message())));
}

Response::Response(std::unique_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
Response::Response(Response&&) noexcept = default;
Response& Response::operator=(Response&&) noexcept = default;
Response::~Response() = default;

unsigned Response::status() const {
  return exchange_->parser->get().result_int();
}

const http::fields& Response::headers() const {
  return exchange_->parser->get();
}

std::string_view Response::header(std::string_view name) const {
  const auto value = headers()[boost::beast::string_view(name.data(), name.size())];
  return {value.data(), value.size()};
}

bool Response::heard_within(milliseconds time) const {
  return !exchange_->parser->is_done() && exchange_->lease.connection().heard_within(time);
}

Awaitable<absl::StatusOr<Response::Read>> Response::read(std::string& bytes, milliseconds quiet) {
  Exchange& exchange = *exchange_;
  bytes.clear();
  std::string& body = exchange.parser->get().body();
  if (std::exchange(exchange.handed_out, false))
    exchange.silent_since = SteadyClock::now();
  const auto quiet_since = SteadyClock::now();
  for (;;) {
    if (!body.empty()) {
      bytes.swap(body);
      exchange.handed_out = true;
      co_return Read::kBytes;
    }
    if (exchange.broken)
      co_return exchange.failure(exchange.broken);
    if (exchange.parser->is_done()) {
      exchange.finish();
      co_return Read::kEnd;
    }
    Connection& connection = exchange.lease.connection();
    const auto idle_left = exchange.options.idle_timeout - since(exchange.silent_since);
    connection.deadline().expires_after(std::max(milliseconds(0), std::min(quiet - since(quiet_since), idle_left)));
    error_code ec = co_await connection.read();
    connection.deadline().clear();
    if (ec == boost::beast::error::timeout && since(exchange.silent_since) < exchange.options.idle_timeout)
      co_return Read::kQuiet;
    if (ec == asio::error::eof && !exchange.parser->is_done()) {
      // The end of a body that has no length; put_eof() objects to any other.
      error_code at_end;
      exchange.parser->put_eof(at_end);
      if (at_end)
        co_return exchange.failure(at_end);
      exchange.lease.close();
      co_return Read::kEnd;
    }
    if (!ec) {
      ec = exchange.parse();
      exchange.silent_since = SteadyClock::now();
    }
    exchange.broken = ec;
  }
}

Awaitable<absl::StatusOr<Response>> Client::send(const Request& request) {
  absl::StatusOr<Lease> lease = co_await pool_->acquire();
  if (!lease.ok())
    co_return lease.status();
  auto exchange = std::make_unique<Response::Exchange>(*std::move(lease), options_, pool_->options().name);
  error_code ec = co_await exchange->send(request);
  if (ec && is_lost(ec) && exchange->lease.reused() && !exchange->received) {
    const absl::Status replaced = co_await pool_->replace(exchange->lease);
    if (!replaced.ok())
      co_return replaced;
    exchange->reset_parser();
    ec = co_await exchange->send(request);
  }
  if (ec)
    co_return exchange->failure(ec);
  co_return Response(std::move(exchange));
}

}  // namespace tollgate::upstream
