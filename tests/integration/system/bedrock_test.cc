// Claude on Bedrock behind the whole of Tollgate: the client cannot tell it from the Messages API.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/system/suite.h"

namespace tollgate::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class BedrockSystemTest : public ::testing::TestWithParam<Form> {};

INSTANTIATE_TEST_SUITE_P(, BedrockSystemTest, ::testing::Values(Form::kOneProcess, Form::kFiveProcesses),
                         [](const auto& form) { return name_of(form.param); });

const json kBedrock = {{"upstreams", {{"u0", {{"dialect", "bedrock"}, {"region", "us-east-1"}}}}}};

// The events of a stream as a client library reads them: the name is the type, the data one line of JSON.
std::vector<json> events_of(const std::string& body) {
  std::vector<json> events;
  std::size_t begin = 0;
  for (std::size_t end = body.find("\n\n"); end != body.npos; end = body.find("\n\n", begin)) {
    const std::string event = body.substr(begin, end - begin);
    begin = end + 2;
    const std::size_t line = event.find('\n');
    EXPECT_EQ(event.substr(0, 7), "event: ") << event;
    EXPECT_EQ(event.substr(line + 1, 6), "data: ") << event;
    json data = json::parse(event.substr(line + 7), nullptr, false);
    EXPECT_TRUE(data.is_object()) << event;
    EXPECT_EQ(data.value("type", ""), event.substr(7, line - 7));
    events.push_back(std::move(data));
  }
  EXPECT_EQ(begin, body.size());
  return events;
}

TEST_P(BedrockSystemTest, AStreamIsTheMessagesApis) {
  Suite suite(GetParam(), 1, kBedrock);
  const std::string key = suite.create_key("ci");
  HttpExchange exchange = suite.message(key, true);
  ASSERT_EQ(exchange.status(), 200u);
  EXPECT_THAT(exchange.header("content-type"), HasSubstr("text/event-stream"));
  const std::vector<json> events = events_of(exchange.body());
  EXPECT_TRUE(exchange.complete());
  ASSERT_GT(events.size(), 5u);
  EXPECT_EQ(events.front()["type"], "message_start");
  EXPECT_EQ(events.back(), (json{{"type", "message_stop"}})) << "nothing of Bedrock's own in it";
  EXPECT_GT(events[events.size() - 2]["usage"]["output_tokens"], 0);
  const json billed = suite.simulator().billed().at("totals");
  const double usd = (billed.at("input_tokens").get<double>() + 2 * billed.at("output_tokens").get<double>()) / 1e6;
  EXPECT_TRUE(wait_until([&] {
    const json shown = suite.key("ci");
    return std::abs(shown.at("usage").get<double>() - usd) < 1e-9 && shown.at("held") == 0;
  })) << suite.key("ci");
  HttpExchange whole = suite.message(key, false);
  EXPECT_EQ(whole.status(), 200u);
  EXPECT_EQ(json::parse(whole.body()).at("type"), "message");
}

TEST_P(BedrockSystemTest, AnExceptionInTheMiddleIsAnErrorEvent) {
  Suite suite(GetParam(), 1, kBedrock);
  const std::string key = suite.create_key("ci");
  suite.simulator().script(
      {{"sse",
        {{{"type", "message_start"}, {"message", {{"usage", {{"input_tokens", 3}}}}}},
         {{"type", "content_block_start"}, {"index", 0}, {"content_block", {{"type", "text"}, {"text", ""}}}},
         {{"raw", "event: exception:serviceUnavailableException\ndata: {\"message\":\"busy\"}\n\n"}}}}});
  HttpExchange exchange = suite.message(key, true);
  const std::vector<json> events = events_of(exchange.body());
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[2]["type"], "error");
  EXPECT_EQ(events[2]["error"]["type"], "overloaded_error");
}

TEST_P(BedrockSystemTest, AnExceptionBeforeContentMovesOn) {
  Suite suite(GetParam(), 2, kBedrock);
  const std::string key = suite.create_key("ci");
  suite.simulator(0).script(
      {{"sse", {{{"raw", "event: exception:throttlingException\ndata: {\"message\":\"slow down\"}\n\n"}}}}});
  HttpExchange exchange = suite.message(key, true, "", R"("provider":{"order":["u0","u1"]},)");
  EXPECT_EQ(exchange.status(), 200u);
  EXPECT_THAT(exchange.body(), HasSubstr("message_stop"));
  EXPECT_EQ(suite.simulator(1).requests().size(), 1u);
}

}  // namespace
}  // namespace tollgate::testing
