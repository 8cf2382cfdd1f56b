#include "services/common/telemetry/metrics_listener.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <thread>

#include "tests/support/http/http_client.h"
#include "tests/support/metrics/metrics_text.h"
#include "tests/support/process/wait.h"

namespace tollgate {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using tollgate::testing::HttpExchange;
using tollgate::testing::HttpRequest;
using tollgate::testing::MetricsText;
using tollgate::testing::wait_until;
namespace net = boost::asio;

class MetricsListenerTest : public ::testing::Test {
 protected:
  MetricsListenerTest() {
    telemetry_.counter("a_total", "Help.").Increment(3);
    auto started = MetricsListener::start("127.0.0.1:0", telemetry_);
    if (!started.ok())
      throw std::runtime_error(std::string(started.status().message()));
    listener_ = *std::move(started);
  }
  HttpExchange ask(const std::string& method, const std::string& target) {
    return HttpExchange(listener_->port(), HttpRequest{method, target, {}, ""});
  }
  // All that comes until the connection ends.
  std::string raw(const std::string& text) {
    net::io_context context;
    net::ip::tcp::socket socket(context);
    socket.connect({net::ip::make_address("127.0.0.1"), listener_->port()});
    boost::system::error_code error;
    net::write(socket, net::buffer(text), error);
    socket.shutdown(net::ip::tcp::socket::shutdown_send, error);
    std::string all;
    net::read(socket, net::dynamic_buffer(all), error);
    return all;
  }

  Telemetry telemetry_;
  std::unique_ptr<MetricsListener> listener_;
};

TEST_F(MetricsListenerTest, ShowsThemInPrometheusFormat) {
  HttpExchange exchange = ask("GET", "/metrics");
  EXPECT_EQ(exchange.status(), 200u);
  EXPECT_EQ(exchange.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(MetricsText(exchange.body()).value("a_total"), 3);
  telemetry_.counter("a_total", "Help.").Increment();
  HttpExchange again = ask("GET", "/metrics?collect[]=x");
  EXPECT_EQ(MetricsText(again.body()).value("a_total"), 4);
}

TEST_F(MetricsListenerTest, ShowsNothingElse) {
  for (const char* target : {"/", "/metricsx", "/v1/messages", "/metrics/"})
    EXPECT_EQ(ask("GET", target).status(), 404u) << target;
  HttpExchange post = ask("POST", "/metrics");
  EXPECT_EQ(post.status(), 405u);
  EXPECT_EQ(post.header("allow"), "GET, HEAD");
}

TEST_F(MetricsListenerTest, KeepsAConnectionForTheNextScrape) {
  const std::string get = "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n";
  const std::string last = "HEAD /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
  const std::string answers = raw(get + get + last);
  EXPECT_THAT(answers, StartsWith("HTTP/1.1 200 OK\r\n"));
  std::size_t count = 0;
  for (std::size_t at = 0; (at = answers.find("HTTP/1.1 200 OK", at)) != std::string::npos; ++at)
    ++count;
  EXPECT_EQ(count, 3u);
  // The last one, of HEAD, has a length and no body.
  EXPECT_TRUE(answers.ends_with("\r\n\r\n")) << answers;
}

TEST_F(MetricsListenerTest, NonsenseEndsItsConnectionOnly) {
  EXPECT_EQ(raw("\x16\x03\x01 this is no HTTP\r\n\r\n"), "");
  EXPECT_EQ(raw("GET /metrics HTTP/1.1\r\nx: " + std::string(100'000, 'x')), "");
  EXPECT_EQ(raw(""), "");
  EXPECT_EQ(ask("GET", "/metrics").status(), 200u);
}

TEST_F(MetricsListenerTest, ConnectionsThatSayNothingDoNotKeepItFromBeingScrapedOnceTheyLeave) {
  net::io_context context;
  std::vector<net::ip::tcp::socket> silent;
  for (int i = 0; i < 40; ++i) {
    silent.emplace_back(context);
    silent.back().connect({net::ip::make_address("127.0.0.1"), listener_->port()});
  }
  silent.clear();
  EXPECT_EQ(ask("GET", "/metrics").status(), 200u);
}

TEST_F(MetricsListenerTest, SaysWhyItCannotListen) {
  const std::string address = "127.0.0.1:" + std::to_string(listener_->port());
  const auto second = MetricsListener::start(address, telemetry_);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("telemetry.metrics: cannot listen on " + address));
  const auto nowhere = MetricsListener::start("999.0.0.1:1", telemetry_);
  EXPECT_THAT(std::string(nowhere.status().message()), HasSubstr("telemetry.metrics: \"999.0.0.1:1\""));
}

TEST_F(MetricsListenerTest, EndsWhileClientsAreConnected) {
  net::io_context context;
  net::ip::tcp::socket socket(context);
  socket.connect({net::ip::make_address("127.0.0.1"), listener_->port()});
  net::write(socket, net::buffer(std::string("GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n")));
  std::string head(15, ' ');
  net::read(socket, net::buffer(head));
  EXPECT_EQ(head, "HTTP/1.1 200 OK");
  listener_.reset();
  boost::system::error_code error;
  std::string rest;
  net::read(socket, net::dynamic_buffer(rest), error);
  EXPECT_TRUE(error);
}

}  // namespace
}  // namespace tollgate
