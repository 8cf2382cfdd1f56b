// SIGTERM: nothing new begins, streams end within the drain time, holds are settled, the exit code is 0. A second one
// leaves no time, and settles all the same.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "tests/faults/books.h"
#include "tests/integration/system/suite.h"

namespace tollgate::testing {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using ::testing::HasSubstr;

constexpr int kStreams = 20;
// Far less than the drain time and the leases, far more than what is to be done needs.
constexpr milliseconds kSoon{15'000};

// `tollgate` stands for the form of one process.
class DrainedProcess : public ::testing::TestWithParam<std::string> {
 protected:
  static Form form() { return GetParam() == "tollgate" ? Form::kOneProcess : Form::kFiveProcesses; }

  // Streams that have begun.
  static std::vector<std::unique_ptr<HttpExchange>> open_streams(Suite& suite, const std::string& key,
                                                                 const std::string& knobs) {
    std::vector<std::unique_ptr<HttpExchange>> streams;
    for (int i = 0; i < kStreams; ++i)
      streams.push_back(std::make_unique<HttpExchange>(suite.port(), suite.request(key, true, knobs)));
    for (auto& stream : streams)
      EXPECT_TRUE(stream->read_until("content_block_delta"));
    return streams;
  }

  // Each of them was settled by who knew it, at more than nothing.
  static void expect_settled(Suite& suite, std::vector<std::unique_ptr<HttpExchange>>& streams) {
    Records records(suite.redis().config());
    for (auto& stream : streams) {
      const Settled settled = records.settled(stream->header("x-generation-id"));
      EXPECT_GT(settled.cost, 0);
      EXPECT_NE(settled.source, 4) << "settled by its lease";
    }
  }
};

bool refuses(std::uint16_t port) {
  boost::asio::io_context context;
  boost::asio::ip::tcp::socket socket(context);
  boost::system::error_code error;
  socket.connect({boost::asio::ip::address_v4::loopback(), port}, error);
  return error == boost::asio::error::connection_refused;
}

TEST_P(DrainedProcess, LetsStreamsEnd) {
  Suite suite(form());
  const std::string key = suite.create_key("ci");
  auto streams = open_streams(suite, key, "events=60;delay_ms=25");
  Process& process = suite.process(GetParam());
  process.signal(SIGTERM);
  const std::uint16_t port = suite.listener(GetParam());
  EXPECT_TRUE(wait_until([&] { return refuses(port); }));
  for (auto& stream : streams) {
    EXPECT_THAT(stream->body(), HasSubstr("event: message_stop"));
    EXPECT_TRUE(stream->complete());
  }
  EXPECT_EQ(process.wait(kSoon), 0);
  EXPECT_THAT(process.standard_error(), ::testing::Not(HasSubstr("settlements_left")));
  if (GetParam() == "budget")
    suite.restart("budget");
  expect_books_are_closed(suite);
  expect_settled(suite, streams);
  EXPECT_EQ(nano_usd(suite.key("ci").at("usage")), cost_of(json(suite.simulator().billed()).at("totals")));
}

// Those that streams run through.
class StreamingProcess : public DrainedProcess {};

TEST_P(StreamingProcess, EndsAStreamThatTakesTooLongWithAnEvent) {
  Suite suite(form(), 1, {{"timeouts", {{"drain_ms", 500}}}});
  const std::string key = suite.create_key("ci");
  auto streams = open_streams(suite, key, "events=6000;delay_ms=10");
  Process& process = suite.process(GetParam());
  process.signal(SIGTERM);
  for (auto& stream : streams)
    EXPECT_THAT(stream->body(), HasSubstr("event: error\ndata: {\"type\":\"error\""));
  EXPECT_EQ(process.wait(kSoon), 0);
  expect_books_are_closed(suite);
  expect_settled(suite, streams);
}

TEST_P(StreamingProcess, ASecondSignalLeavesNoTimeAndSettles) {
  Suite suite(form(), 1, {{"timeouts", {{"drain_ms", 600'000}}}, {"budget", {{"lease_ms", 600'000}}}});
  const std::string key = suite.create_key("ci");
  auto streams = open_streams(suite, key, "events=6000;delay_ms=10");
  Process& process = suite.process(GetParam());
  process.signal(SIGTERM);
  EXPECT_TRUE(wait_until([&] { return process.standard_error().find("\"event\":\"draining\"") != std::string::npos; }));
  // The first alone ends nothing.
  const std::size_t seen = streams[0]->so_far().size();
  EXPECT_TRUE(streams[0]->read_bytes(seen + 2000));
  process.signal(SIGTERM);
  for (auto& stream : streams)
    EXPECT_THAT(stream->body(), HasSubstr("event: error\ndata: {\"type\":\"error\""));
  EXPECT_EQ(process.wait(kSoon), 0);
  expect_books_are_closed(suite);
  expect_settled(suite, streams);
}

INSTANTIATE_TEST_SUITE_P(Drain, DrainedProcess, ::testing::Values("tollgate", "gateway", "router", "adapter", "budget"),
                         [](const auto& given) { return given.param; });
INSTANTIATE_TEST_SUITE_P(Drain, StreamingProcess, ::testing::Values("tollgate", "gateway", "router", "adapter"),
                         [](const auto& given) { return given.param; });

TEST(Drain, AThirdSignalKills) {
  Suite suite(Form::kFiveProcesses, 1, {{"timeouts", {{"drain_ms", 600'000}}}});
  const std::string key = suite.create_key("ci");
  suite.redis().freeze();
  // Waits for the ledger, which is away: it cannot be settled.
  Process& process = suite.process("budget");
  HttpExchange waiting(suite.port(), suite.request(key, false));
  process.signal(SIGTERM);
  EXPECT_TRUE(wait_until([&] {
    process.signal(SIGTERM);
    return !process.running();
  }));
  suite.redis().thaw();
}

// A stream of activity has no end; whoever serves it does not wait for one.
TEST(Drain, AnExportThatFollowsHoldsNothingUp) {
  Suite suite(Form::kFiveProcesses, 1, {{"timeouts", {{"drain_ms", 600'000}}}});
  const std::string key = suite.create_key("ci");
  HttpExchange stream(suite.port(), {"GET", "/api/v1/activity/stream", {{"x-api-key", key}}, ""});
  EXPECT_EQ(stream.status(), 200U);
  HttpExchange request = suite.message(key, false);
  EXPECT_EQ(request.status(), 200U);
  EXPECT_TRUE(stream.read_until("generation_id"));
  Process& budget = suite.process("budget");
  budget.signal(SIGTERM);
  EXPECT_EQ(budget.wait(kSoon), 0);
  stream.body();
  suite.restart("budget");
  // As soon as the gateway has found it again.
  std::unique_ptr<HttpExchange> again;
  EXPECT_TRUE(wait_until([&] {
    again = std::make_unique<HttpExchange>(suite.port(),
                                           HttpRequest{"GET", "/api/v1/activity/stream", {{"x-api-key", key}}, ""});
    return again->status() == 200;
  }));
  Process& gateway = suite.process("gateway");
  gateway.signal(SIGTERM);
  EXPECT_EQ(gateway.wait(kSoon), 0);
}

}  // namespace
}  // namespace tollgate::testing
