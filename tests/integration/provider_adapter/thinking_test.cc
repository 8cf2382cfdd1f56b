// A conversation whose thinking blocks come from elsewhere goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "harness.h"
#include "tests/support/process/simulator.h"

namespace tollgate::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using json = nlohmann::ordered_json;
using testing::Simulator;

json block(const std::string& signature) {
  return {{"type", "thinking"}, {"thinking", "elsewhere"}, {"signature", signature}};
}

json body_with(const std::vector<json>& blocks) {
  json content(blocks);
  content.push_back({{"type", "text"}, {"text", "answer"}});
  return {{"model", "claude"},
          {"max_tokens", 2000},
          {"messages",
           {{{"role", "user"}, {"content", "one"}},
            {{"role", "assistant"}, {"content", content}},
            {{"role", "user"}, {"content", "two"}}}}};
}

class ThinkingTest : public ::testing::Test {
 protected:
  ThinkingTest()
      : up_(simulator_.url(), [](auto& options) {
          options.config.api_key = "secret";
          options.beside_other_dialects = true;
        }) {}

  // The response's header, empty when it has none.
  std::string send(const std::vector<json>& blocks, bool stream = true) {
    json body = body_with(blocks);
    body["stream"] = stream;
    up_.request.set_body(body.dump());
    up_.sink.frames.clear();
    const absl::Status status = up_.send(stream);
    EXPECT_TRUE(status.ok()) << status;
    if (up_.sink.frames.empty())
      return "";
    for (const v1::Header& header : up_.sink.frames.front().head().headers()) {
      if (header.name() == "x-tollgate-thinking-dropped")
        return header.value();
    }
    return "";
  }
  // Types of the blocks of the model's turn in each request that arrived.
  std::vector<std::string> arrived() {
    std::vector<std::string> all;
    for (const json& request : simulator_.requests()) {
      std::string types;
      const json body = json::parse(request["body"].get<std::string>());
      for (const json& one : body["messages"][1]["content"])
        types += one["type"].get<std::string>() + " ";
      all.push_back(types);
    }
    simulator_.reset();
    return all;
  }

  Simulator simulator_{{"--record", "100"}};
  UpstreamUnderTest up_;
};

TEST_F(ThinkingTest, ARefusedOneIsDroppedOnceAndRemembered) {
  for (const bool stream : {true, false}) {
    const json foreign = block(stream ? "EqSimforeign" : "EqSimother");
    EXPECT_EQ(send({foreign}, stream), "1");
    EXPECT_THAT(arrived(), ElementsAre("thinking text ", "text "));
    // What was refused before does not go out again; what this upstream issued since does.
    const json issued = block("issued-here");
    EXPECT_EQ(send({foreign, issued}, stream), "1");
    EXPECT_THAT(arrived(), ElementsAre("thinking text "));
    EXPECT_EQ(send({issued}, stream), "");
    EXPECT_THAT(arrived(), ElementsAre("thinking text "));
  }
}

TEST_F(ThinkingTest, TheGatewaysOwnNeverReachesIt) {
  EXPECT_EQ(send({block("tg1.abc.def"), block("issued-here")}), "1");
  EXPECT_THAT(arrived(), ElementsAre("thinking text "));
  EXPECT_EQ(send({block("issued-here")}), "");
}

TEST_F(ThinkingTest, ARefusalThatStaysIsTheClients) {
  for (int i = 0; i < 2; ++i) {
    simulator_.script(
        {{"repeat", 2}, {"status", 400}, {"message", "messages.1.content.0: Invalid `signature` in `thinking` block"}});
    up_.request.set_body(body_with({block("same")}).dump());
    const v1::Failure failure = up_.fail();
    EXPECT_EQ(failure.kind(), v1::Failure::KIND_INVALID_REQUEST);
    EXPECT_THAT(failure.body(), HasSubstr("Invalid `signature`"));
    // Twice, and no more; the second time around it was known before.
    EXPECT_EQ(simulator_.requests().size(), i == 0 ? 2u : 1u);
    simulator_.reset();
  }
}

}  // namespace
}  // namespace tollgate::test
