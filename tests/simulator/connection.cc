#include "tests/simulator/connection.h"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>

#include "tests/simulator/control.h"
#include "tests/simulator/reply_writer.h"
#include "tests/simulator/request_parser.h"
#include "tests/simulator/simulator.h"
#include "tests/simulator/transport.h"

namespace tollgate::simulator {
namespace {

namespace http = boost::beast::http;

constexpr std::size_t kReadBytes = 64 * 1024;
// What a client may send ahead while it is being answered, and after it has been refused.
constexpr std::size_t kAheadBytes = 1024 * 1024;
constexpr std::size_t kDrainBytes = 64 * 1024 * 1024;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

// Counts while it lives.
class Count {
 public:
  explicit Count(std::atomic<std::int64_t>& counter, bool counts = true) : counter_(counter), counts_(counts) {
    counter_ += counts_;
  }
  ~Count() { counter_ -= counts_; }
  Count(const Count&) = delete;
  Count& operator=(const Count&) = delete;

 private:
  std::atomic<std::int64_t>& counter_;
  const bool counts_;
};

class Connection {
 public:
  Connection(TcpSocket socket, asio::ssl::context* tls, Shared& shared)
      : transport_(std::move(socket), tls),
        shared_(shared),
        number_(++shared.connections_opened),
        count_(shared.connections) {}

  Awaitable<void> run() {
    if (co_await transport_.handshake())
      co_return;
    bool more = true;
    while (more) {
      RequestParser parser;
      error_code error = co_await read(parser);
      if (error) {
        co_await refuse(error);
        break;
      }
      more = co_await respond(parser);
    }
    transport_.close();
  }

 private:
  Awaitable<error_code> read(RequestParser& parser) {
    bool continued = false;
    while (!parser.is_done()) {
      error_code error;
      if (buffer_.size() > 0) {
        buffer_.consume(parser.put(buffer_.data(), error));
        if (error && error != http::error::need_more)
          co_return error;
        if (parser.is_done())
          break;
      }
      bool expects =
          parser.is_header_done() && !continued && same_header_name(parser.request().header("expect"), "100-continue");
      if (expects) {
        continued = true;
        asio::const_buffer line = asio::buffer(kContinue);
        co_await transport_.write(line);
      }
      error = co_await read_more();
      if (error)
        co_return error;
    }
    co_return error_code();
  }

  Awaitable<error_code> read_more() {
    asio::mutable_buffer space = buffer_.prepare(kReadBytes);
    auto [error, size] = co_await transport_.read_some(space);
    buffer_.commit(size);
    co_return error;
  }

  // An answer to what cannot be read; none to a connection that has ended.
  Awaitable<void> refuse(error_code error) {
    bool too_large = error == http::error::body_limit;
    if (error.category() != http::make_error_code(http::error::body_limit).category())
      co_return;
    Reply reply = too_large ? error_reply(413, "Request exceeds the maximum size")
                            : error_reply(400, "malformed HTTP request: " + error.message());
    reply.close_after = true;
    Outcome outcome;
    co_await write_reply(transport_, reply, false, outcome);
    // The client may read the answer only once it has sent all; closing now would reset the connection under it.
    for (std::size_t drained = 0; drained < kDrainBytes; drained += buffer_.size()) {
      buffer_.clear();
      if (co_await read_more())
        break;
    }
  }

  Awaitable<bool> respond(RequestParser& parser) {
    Request& request = parser.request();
    Reply reply;
    Journal::Ticket ticket;
    bool control = is_control(request);
    if (control) {
      reply = handle_control(request, shared_);
    } else {
      ticket = shared_.journal.received(request, number_);
      std::optional<Step> step = shared_.script.take(request);
      const bool bedrock = Bedrock::is_call(request);
      if (!step || !step->replaces())
        reply = default_reply(request, bedrock);
      if (step)
        reply = apply(*step, std::move(reply));
      if (bedrock)
        reply = Bedrock::dressed(request, std::move(reply));
    }
    reply.close_after |= !parser.keep_alive();
    if (control)
      co_return co_await deliver(reply, request.method == "HEAD", outcome_);
    shared_.journal.answering(ticket, reply);
    Count active(shared_.active);
    Count streams(shared_.streams, reply.stream);
    outcome_ = Outcome();
    bool more = co_await deliver(reply, request.method == "HEAD", outcome_);
    shared_.journal.answered(ticket, reply, outcome_);
    co_return more;
  }

  Reply default_reply(const Request& request, bool bedrock) {
    if (bedrock)
      return shared_.bedrock.handle(request);
    if (OpenAi::is_call(request))
      return shared_.openai.handle(request);
    if (Gemini::is_call(request))
      return shared_.gemini.handle(request);
    return Vertex::is_call(request) ? shared_.vertex.handle(request) : shared_.api.handle(request);
  }

  // An answer that takes time is given up as soon as the client goes.
  Awaitable<bool> deliver(const Reply& reply, bool bodiless, Outcome& outcome) {
    if (!takes_time(reply))
      co_return co_await write_reply(transport_, reply, bodiless, outcome);
    using namespace asio::experimental::awaitable_operators;
    auto writing = write_reply(transport_, reply, bodiless, outcome);
    auto watching = watch();
    auto both = std::move(writing) || std::move(watching);
    auto result = co_await std::move(both);
    if (result.index() == 0)
      co_return std::get<0>(result);
    outcome.client_closed = true;
    co_return false;
  }

  // Ends when the client has closed. What it sends ahead is kept for the next request.
  Awaitable<void> watch() {
    for (;;) {
      if (buffer_.size() >= kAheadBytes) {
        Timer never(transport_.get_executor(), SteadyClock::time_point::max());
        co_await never.async_wait(use_awaitable);
      }
      if (co_await read_more())
        co_return;
    }
  }

  Transport transport_;
  Shared& shared_;
  const std::uint64_t number_;
  Count count_;
  boost::beast::flat_buffer buffer_;
  Outcome outcome_;
};

}  // namespace

Awaitable<void> serve(TcpSocket socket, asio::ssl::context* tls, Shared& shared) {
  Connection connection(std::move(socket), tls, shared);
  co_await connection.run();
}

}  // namespace tollgate::simulator
