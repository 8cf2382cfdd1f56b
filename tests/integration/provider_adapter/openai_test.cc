// The dialect of OpenAI over a socket, against the simulator as the upstreams that speak it.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "harness.h"
#include "services/provider_adapter/openai/upstream.h"
#include "tests/support/process/simulator.h"
#include "tests/support/translation/accumulate.h"

namespace tollgate::test {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Simulator;

class OpenAi : public ::testing::Test {
 protected:
  std::unique_ptr<anthropic::Upstream> upstream(std::string_view flavour, std::string_view path = "v1") {
    anthropic::UpstreamOptions options;
    options.config.name = "up";
    options.config.dialect = "openai";
    options.config.url = fmt::format("{}/{}/{}", simulator_.url(), flavour, path);
    if (path.empty())
      options.config.url.pop_back();
    options.config.api_key = "secret";
    options.config.auth = "bearer";
    options.config.preset = flavour;
    auto made = openai::make_upstream(shard_.context, shard_.deadlines, std::move(options));
    if (!made.ok())
      throw std::runtime_error(std::string(made.status().message()));
    return *std::move(made);
  }

  static v1::SendRequest request(const json& messages, const json& more = json::object()) {
    json body = {{"model", "asked-for"}, {"max_tokens", 200}, {"messages", messages}};
    body.update(more);
    v1::SendRequest made;
    made.set_model("gpt-5.1");
    made.set_generation_id("gen-1");
    made.set_stream(body.value("stream", false));
    made.set_body(body.dump());
    for (const auto& [name, value] : {std::pair("anthropic-version", "2023-06-01"), std::pair("anthropic-beta", "a")}) {
      v1::Header& header = *made.add_headers();
      header.set_name(name);
      header.set_value(value);
    }
    return made;
  }

  json answer(anthropic::Upstream& up, const v1::SendRequest& send) {
    sink_ = RecordingSink();
    const absl::Status status = shard_.run(up.send(send, sink_));
    EXPECT_TRUE(status.ok()) << status;
    if (!status.ok())
      return {};
    if (!send.stream())
      return json::parse(sink_.data());
    std::string wrong;
    json message = accumulate(sink_.data(), wrong);
    EXPECT_EQ(wrong, "") << sink_.data();
    return message;
  }

  v1::Failure failure(anthropic::Upstream& up, const v1::SendRequest& send) {
    sink_ = RecordingSink();
    const absl::Status status = shard_.run(up.send(send, sink_));
    EXPECT_FALSE(status.ok());
    return status.ok() ? v1::Failure() : failure_of(status);
  }

  Simulator simulator_{{"--api-key", "secret"}};
  Shard shard_;
  RecordingSink sink_;
};

const json kTools = {{{"name", "Write"}, {"input_schema", {{"type", "object"}, {"properties", json::object()}}}}};

TEST_F(OpenAi, StreamsAndAnswersAtOnceAlike) {
  const auto up = upstream("openai");
  for (const bool stream : {true, false}) {
    const json got = answer(*up, request({{{"role", "user"}, {"content", "Hello there"}}}, {{"stream", stream}}));
    EXPECT_THAT(got.at("content")[0].at("text").get<std::string>(), HasSubstr("You said: Hello there"));
    EXPECT_EQ(got.at("stop_reason"), "end_turn");
    ASSERT_NE(sink_.done(), nullptr);
    EXPECT_TRUE(sink_.done()->usage().final());
    EXPECT_GT(sink_.done()->usage().input_tokens(), 0);
    EXPECT_GT(sink_.done()->usage().output_tokens(), 0);
    const v1::Head& head = sink_.frames.front().head();
    EXPECT_EQ(head.status(), 200u);
    // Nothing about the operator's account, and the API's own name for the request's id.
    std::string names;
    for (const v1::Header& header : head.headers())
      names += header.name() + " ";
    EXPECT_EQ(names, "content-type request-id ");
  }
  EXPECT_EQ(json::parse(simulator_.requests().at(0).at("body").get<std::string>()).at("model"), "gpt-5.1");
}

// A tool loop at each of the upstreams, as strict as they are about what comes back.
TEST_F(OpenAi, ToolLoopsWithWhatEachWantsBack) {
  const std::pair<const char*, const char*> upstreams[] = {
      {"openai", "v1"}, {"morph", "v1"}, {"deepseek", ""}, {"openrouter", "api/v1"}};
  for (const auto& [flavour, path] : upstreams) {
    const auto up = upstream(flavour, path);
    json messages = {{{"role", "user"}, {"content", "[[write /a one]] [[write /b two]]"}}};
    const json more = {
        {"stream", true}, {"tools", kTools}, {"thinking", {{"type", "enabled"}, {"budget_tokens", 2000}}}};
    for (int turn = 0; turn < 2; ++turn) {
      const json first = answer(*up, request(messages, more));
      EXPECT_EQ(first.at("stop_reason"), "tool_use") << flavour;
      messages.push_back({{"role", "assistant"}, {"content", first.at("content")}});
      json results = json::array();
      for (const json& block : first.at("content")) {
        if (block.at("type") == "tool_use")
          results.push_back({{"type", "tool_result"}, {"tool_use_id", block.at("id")}, {"content", "ok"}});
      }
      EXPECT_EQ(results.size(), 2u) << flavour;
      messages.push_back({{"role", "user"}, {"content", results}});
      const json last = answer(*up, request(messages, more));
      EXPECT_THAT(last.dump(), HasSubstr("Done: the tool has answered.")) << flavour;
      messages.push_back({{"role", "assistant"}, {"content", last.at("content")}});
      messages.push_back({{"role", "user"}, {"content", "[[write /c three]] [[write /d four]]"}});
    }
    EXPECT_GT(sink_.done()->usage().cache_read_tokens(), 0) << flavour;
  }
}

// Morph applies an edit to a file: one user message, which passes as it is.
TEST_F(OpenAi, MorphAppliesAnEdit) {
  const auto up = upstream("morph");
  v1::SendRequest send = request(
      {{{"role", "user"}, {"content", "<instruction>i</instruction><code>old</code><update>new code</update>"}}});
  send.set_model("morph-v3-fast");
  EXPECT_EQ(answer(*up, send).at("content")[0].at("text"), "new code");
}

TEST_F(OpenAi, StructuredOutputAndStopSequences) {
  const auto up = upstream("openrouter", "api/v1");
  const json schema = {{"type", "object"}, {"properties", {{"title", {{"type", "string"}}}}}};
  const json got =
      answer(*up, request({{{"role", "user"}, {"content", "x"}}},
                          {{"output_config", {{"format", {{"type", "json_schema"}, {"schema", schema}}}}}}));
  EXPECT_EQ(json::parse(got.at("content")[0].at("text").get<std::string>()), (json{{"title", "Simulated session"}}));
  const json stopped = answer(*upstream("openai"), request({{{"role", "user"}, {"content", "x"}}},
                                                           {{"stream", true}, {"stop_sequences", {"stand-in"}}}));
  EXPECT_EQ(stopped.at("stop_sequence"), "stand-in");
  EXPECT_THAT(stopped.at("content")[0].at("text").get<std::string>(), Not(HasSubstr("stand-in")));
}

TEST_F(OpenAi, CountsTokensByItself) {
  const auto up = upstream("openai");
  v1::SendRequest send =
      request({{{"role", "user"}, {"content", std::string(400, 'x')}}}, {{"system", std::string(400, 'y')}});
  const auto reply = shard_.run(up->count_tokens(send));
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_NEAR(json::parse(reply->body()).at("input_tokens").get<double>(), 204, 10);
  EXPECT_EQ(reply->head().headers(1).name(), "x-tollgate-token-count");
  EXPECT_EQ(reply->head().headers(1).value(), "estimate");
  EXPECT_TRUE(simulator_.requests().empty());
}

TEST_F(OpenAi, RefusalsBecomeTheApisOwn) {
  const auto up = upstream("openai");
  simulator_.script(json{{"status", 400},
                         {"body",
                          {{"error",
                            {{"message",
                              "This model's maximum context length is 100 tokens. However, "
                              "your messages resulted in 200 tokens."},
                             {"code", "context_length_exceeded"}}}}}});
  const v1::SendRequest send = request({{{"role", "user"}, {"content", "x"}}}, {{"stream", true}});
  const v1::Failure full = failure(*up, send);
  EXPECT_EQ(full.kind(), v1::Failure::KIND_CONTEXT_LENGTH);
  EXPECT_THAT(full.body(), HasSubstr("prompt is too long: 200 tokens > 100 maximum"));
  simulator_.script(
      json{{"status", 429}, {"headers", {{"retry-after", "7"}}}, {"body", {{"error", {{"message", "slow"}}}}}});
  const v1::Failure slow = failure(*up, send);
  EXPECT_EQ(slow.kind(), v1::Failure::KIND_RATE_LIMITED);
  EXPECT_EQ(slow.retry_after_ms(), 7000u);
  // Nothing was seen yet: another upstream may be tried.
  simulator_.script(json{{"sse", {"data: {\"error\":{\"message\":\"overloaded\",\"code\":503}}\n\n"}}});
  EXPECT_EQ(failure(*up, send).kind(), v1::Failure::KIND_OVERLOADED);
  EXPECT_EQ(sink_.order(), "H");
}

// A stream that breaks off is no answer, also when the connection ends in good order.
TEST_F(OpenAi, ACutStreamFails) {
  const auto up = upstream("openai");
  const v1::SendRequest send = request({{{"role", "user"}, {"content", "x"}}}, {{"stream", true}});
  simulator_.script(json{{"break", {{"how", "close"}, {"after_event", 3}}}, {"framing", "close"}});
  EXPECT_EQ(failure(*up, send).kind(), v1::Failure::KIND_UNAVAILABLE);
  simulator_.script(json{{"break", {{"how", "reset"}, {"after_event", 3}}}});
  EXPECT_EQ(failure(*up, send).kind(), v1::Failure::KIND_UNAVAILABLE);
}

// Neither [DONE] nor the end of the body: the answer is complete all the same, and soon.
TEST_F(OpenAi, AnEndThatNeverComesIsNotWaitedFor) {
  const auto up = upstream("openai");
  const std::string chunk = R"(data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]})";
  simulator_.script(json{{"sse", {chunk + "\n\n"}}, {"break", {{"how", "stall"}, {"after_event", 1}}}});
  const json got = answer(*up, request({{{"role", "user"}, {"content", "x"}}}, {{"stream", true}}));
  EXPECT_EQ(got.at("stop_reason"), "end_turn");
  // Nobody counted: what is charged is an estimate, and known to be one.
  EXPECT_FALSE(sink_.done()->usage().final());
}

// An upstream that does not stream although it was asked to.
TEST_F(OpenAi, AWholeAnswerToAStream) {
  const auto up = upstream("openai");
  simulator_.script(
      json{{"status", 200},
           {"body", {{"choices", {{{"index", 0}, {"finish_reason", "stop"}, {"message", {{"content", "all"}}}}}}}}});
  const json got = answer(*up, request({{{"role", "user"}, {"content", "x"}}}, {{"stream", true}}));
  EXPECT_EQ(got.at("content")[0].at("text"), "all");
  EXPECT_THAT(sink_.frames.front().head().headers(0).value(), HasSubstr("text/event-stream"));
}

TEST_F(OpenAi, ProbesAddressAndKey) {
  const auto up = upstream("openai");
  const auto probed = shard_.run(up->probe({}));
  ASSERT_TRUE(probed.ok()) << probed.status();
  EXPECT_THAT(probed->detail(), HasSubstr("/openai/v1/models answered 200"));
}

TEST_F(OpenAi, ConfigurationThatCannotBe) {
  anthropic::UpstreamOptions options;
  options.config.name = "up";
  options.config.url = "http://x/v1";
  options.config.preset = "nobody";
  const auto made = openai::make_upstream(shard_.context, shard_.deadlines, options);
  EXPECT_THAT(std::string(made.status().message()), HasSubstr("upstreams.up.preset: expected one of default, openai"));
}

}  // namespace
}  // namespace tollgate::test
