// The program as a whole, spoken to over raw sockets.
#include "tests/support/process/simulator.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

namespace tollgate {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Json = nlohmann::ordered_json;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Simulator;
using ::testing::StartsWith;
using testing::wait_until;

class Client {
 public:
  explicit Client(std::uint16_t port) : socket_(context_) { socket_.connect({asio::ip::address_v4::loopback(), port}); }
  void send(const std::string& bytes) { asio::write(socket_, asio::buffer(bytes)); }
  // All that comes until the peer ends the connection; `error` says how.
  std::string read_all(error_code& error) {
    std::string bytes;
    asio::read(socket_, asio::dynamic_buffer(bytes), error);
    return bytes;
  }
  std::string read_until(const std::string& end) {
    asio::read_until(socket_, asio::dynamic_buffer(buffer_), end);
    return std::exchange(buffer_, {});
  }
  void close() { socket_.close(); }

 private:
  asio::io_context context_;
  asio::ip::tcp::socket socket_;
  std::string buffer_;
};

std::string request(const std::string& body, const std::string& headers = "Connection: close\r\n") {
  return fmt::format(
      "POST /v1/messages?beta=true HTTP/1.1\r\nHost: x\r\nanthropic-version: 2023-06-01\r\n{}Content-Length: "
      "{}\r\n\r\n{}",
      headers, body.size(), body);
}

const std::string kStream =
    R"({"model":"m","max_tokens":99,"stream":true,"messages":[{"role":"user","content":"hi"}]})";
const std::string kPlain = R"({"model":"m","max_tokens":99,"messages":[{"role":"user","content":"hi"}]})";

std::string exchange(std::uint16_t port, const std::string& bytes) {
  Client client(port);
  client.send(bytes);
  error_code error;
  return client.read_all(error);
}

TEST(SimulatorProgram, AnswersErrorsInTheApisEnvelope) {
  Simulator simulator({"--api-key", "secret"});
  struct Case {
    std::string request;
    int status;
    std::string type;
  };
  std::string key = "Connection: close\r\nx-api-key: secret\r\n";
  for (const Case& c : {
           Case{request(kPlain), 401, "authentication_error"},
           Case{request(kPlain, "Connection: close\r\nx-api-key: wrong\r\n"), 401, "authentication_error"},
           Case{request(kPlain, "Connection: close\r\nAuthorization: Bearer wrong\r\n"), 401, "authentication_error"},
           Case{request("{", key), 400, "invalid_request_error"},
           Case{request("{}", key), 400, "invalid_request_error"},
           Case{"GET /v1/models/none HTTP/1.1\r\nHost: x\r\nanthropic-version: 1\r\n" + key + "\r\n", 404,
                "not_found_error"},
           Case{"GET /v1/models HTTP/1.1\r\nHost: x\r\n" + key + "\r\n", 400, "invalid_request_error"},
           Case{"GET /v1/messages HTTP/1.1\r\nHost: x\r\nanthropic-version: 1\r\n" + key + "\r\n", 405,
                "invalid_request_error"},
           Case{"GET /elsewhere HTTP/1.1\r\nHost: x\r\n" + key + "\r\n", 404, "not_found_error"},
           Case{"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 99000000\r\n\r\n", 413, "request_too_large"},
           Case{"nonsense\r\n\r\n", 400, "invalid_request_error"},
       }) {
    // An unread body is drained until the client is done sending.
    Client client(simulator.port());
    client.send(c.request);
    std::string response = client.read_until("\"}");
    EXPECT_THAT(response, StartsWith(fmt::format("HTTP/1.1 {} ", c.status))) << c.request;
    Json body = Json::parse(response.substr(response.find("\r\n\r\n")));
    EXPECT_EQ(body["error"]["type"], c.type) << c.request;
    EXPECT_THAT(response, HasSubstr("request-id: " + body["request_id"].get<std::string>()));
  }
  EXPECT_THAT(exchange(simulator.port(), request(kPlain, "Connection: close\r\nAuthorization: Bearer secret\r\n")),
              StartsWith("HTTP/1.1 200 OK"));
}

TEST(SimulatorProgram, RecordsRequestsByteForByte) {
  Simulator simulator;
  std::string body = "{\"a\": \"\xff\"}";
  Client client(simulator.port());
  // Two requests at once: they are answered in turn.
  client.send(request(body, "X-ODD: 1\r\nx-Odd: 2\r\nB: 3\r\nX-odd: 4\r\n") + request(kPlain));
  error_code error;
  EXPECT_THAT(client.read_all(error), HasSubstr("HTTP/1.1 200 OK"));
  Json requests = simulator.requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0]["target"], "/v1/messages?beta=true");
  EXPECT_EQ(requests[0]["body_base64"], "eyJhIjogIv8ifQ==");
  Json headers = Json::array({{"Host", "x"},
                              {"anthropic-version", "2023-06-01"},
                              {"X-ODD", "1"},
                              {"x-Odd", "2"},
                              {"B", "3"},
                              {"X-odd", "4"},
                              {"Content-Length", std::to_string(body.size())}});
  EXPECT_EQ(requests[0]["headers"], headers);
  EXPECT_EQ(requests[1]["body"], kPlain);
  EXPECT_EQ(requests[1]["connection"], requests[0]["connection"]);
}

TEST(SimulatorProgram, BreaksWhereTheScriptSays) {
  Simulator simulator;
  Json events = Json::array({"one\n\n", "two\n\n", "three\n\n"});
  struct Case {
    Json broken;
    std::string body_end;
    error_code error;
  };
  for (const Case& c : {
           Case{{{"how", "close"}, {"after_event", 2}}, "5\r\ntwo\n\n\r\n", asio::error::eof},
           Case{{{"how", "reset"}, {"after_event", 1}}, "5\r\none\n\n\r\n", asio::error::connection_reset},
           Case{{{"how", "close"}, {"after_bytes", 7}}, "2\r\ntw\r\n", asio::error::eof},
           Case{{{"how", "close"}, {"after_bytes", 0}}, "\r\n\r\n", asio::error::eof},
           Case{{{"how", "garbage"}, {"after_event", 3}}, "three\n\n\r\n", asio::error::eof},
       }) {
    simulator.script(Json{{"sse", events}, {"break", c.broken}});
    Client client(simulator.port());
    client.send(request(kStream));
    error_code error;
    std::string response = client.read_all(error);
    EXPECT_EQ(error, c.error) << c.broken;
    // What a reset finds undelivered is lost.
    if (c.broken["how"] != "reset") {
      EXPECT_THAT(response, HasSubstr(c.body_end)) << c.broken;
    }
    EXPECT_THAT(response, Not(::testing::EndsWith("0\r\n\r\n"))) << c.broken;
  }
  simulator.script(Json{{"break", {{"how", "close"}, {"before_head", true}}}});
  EXPECT_EQ(exchange(simulator.port(), request(kStream)), "");
}

TEST(SimulatorProgram, WritesInTheSizesOfTheScript) {
  Simulator simulator;
  simulator.script(Json{{"body", "abc"}, {"chunking", "byte"}, {"framing", "chunked"}, {"headers", {{"x-a", "b"}}}});
  std::string response = exchange(simulator.port(), request(kPlain));
  EXPECT_THAT(response, ::testing::EndsWith("\r\n\r\n1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n"));
  EXPECT_THAT(response, HasSubstr("\r\nx-a: b\r\n"));
  simulator.script(Json{{"body", "abc"}, {"framing", "close"}, {"status", 529}});
  response = exchange(simulator.port(), request(kPlain));
  EXPECT_THAT(response, StartsWith("HTTP/1.1 529 Overloaded\r\n"));
  EXPECT_THAT(response, ::testing::EndsWith("\r\n\r\nabc"));
}

TEST(SimulatorProgram, SeesTheClientGoAndBillsWhatItGot) {
  Simulator simulator;
  Client client(simulator.port());
  client.send(request(kStream, "x-sim: events=100000;delay_ms=1;bytes=40\r\n"));
  client.read_until("text_delta");
  EXPECT_EQ(simulator.stats()["streams"], 1);
  client.close();
  ASSERT_TRUE(wait_until([&] { return simulator.stats()["streams"] == 0; }));
  Json response = simulator.requests().at(0)["response"];
  EXPECT_EQ(response["client_closed"], true);
  EXPECT_EQ(response["completed"], false);
  Json billed = simulator.billed().at("requests").at(0);
  // Three events before the deltas, ten tokens a delta.
  EXPECT_EQ(billed["output_tokens"].get<int>(), (response["events"].get<int>() - 3) * 10);

  Client waiting(simulator.port());
  simulator.script(Json{{"no_response", true}});
  waiting.send(request(kPlain));
  ASSERT_TRUE(wait_until([&] { return simulator.stats()["active"] == 1; }));
  waiting.close();
  ASSERT_TRUE(wait_until([&] { return simulator.stats()["active"] == 0; }));
  EXPECT_EQ(simulator.billed()["totals"]["requests"], 1);
}

TEST(SimulatorProgram, ForgetsOnResetAndKeepsTheLastOnly) {
  Simulator simulator({"--record", "2", "--threads", "2"});
  for (int i = 0; i < 5; ++i)
    exchange(simulator.port(), request(kPlain));
  EXPECT_EQ(simulator.requests().size(), 2u);
  EXPECT_EQ(simulator.requests().at(1)["index"], 4);
  EXPECT_EQ(simulator.billed()["totals"]["requests"], 5);
  simulator.script(Json{{"status", 500}});
  simulator.reset();
  EXPECT_EQ(simulator.requests().size(), 0u);
  EXPECT_EQ(simulator.billed()["totals"]["output_tokens"], 0);
  EXPECT_THAT(exchange(simulator.port(), request(kPlain)), StartsWith("HTTP/1.1 200 OK"));
  EXPECT_EQ(simulator.process().stop(), 0);
}

}  // namespace
}  // namespace tollgate
