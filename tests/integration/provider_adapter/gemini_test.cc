// Gemini behind the Messages API, against the simulator as Google AI Studio and as Vertex AI.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "harness.h"
#include "services/provider_adapter/gemini/upstream.h"
#include "tests/support/google/test_key.h"
#include "tests/support/process/simulator.h"
#include "tests/support/process/temporary_directory.h"

namespace tollgate::test {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Simulator;
using testing::TemporaryDirectory;

constexpr const char* kModel = "gemini-3.1-pro-preview";

class Gemini : public ::testing::Test {
 protected:
  Gemini() : simulator_({"--api-key", "secret", "--vertex-key", directory_.write("public.pem", kRsaPublicKey)}) {}

  std::unique_ptr<gemini::Upstream> upstream(const std::string& name = "google", const std::string& key = "secret") {
    anthropic::UpstreamOptions options;
    options.config.name = name;
    options.config.dialect = "gemini";
    options.config.url = simulator_.url() + "/v1beta";
    options.config.api_key = key;
    options.config.signing_key = "the same for all";
    return made(std::move(options));
  }

  std::unique_ptr<gemini::Upstream> vertex(const std::string& project = "test-project") {
    const json account = {{"type", "service_account"},
                          {"private_key_id", "key-1"},
                          {"private_key", kRsaKey},
                          {"client_email", "gateway@test-project.iam.gserviceaccount.com"},
                          {"token_uri", simulator_.url() + "/token"}};
    anthropic::UpstreamOptions options;
    options.config.name = "google";
    options.config.dialect = "gemini";
    options.config.url = simulator_.url();
    options.config.vertex.project = project;
    options.config.vertex.region = "us-central1";
    options.config.vertex.credentials_file = directory_.write("credentials.json", account.dump());
    return made(std::move(options));
  }

  std::unique_ptr<gemini::Upstream> made(anthropic::UpstreamOptions options) {
    auto made = gemini::Upstream::make(shard_.context, shard_.deadlines, std::move(options));
    if (!made.ok())
      throw std::runtime_error(std::string(made.status().message()));
    return *std::move(made);
  }

  static json asking(const std::string& text) {
    json request = {{"model", "m"}, {"max_tokens", 1000}};
    request["messages"] = json::array({{{"role", "user"}, {"content", text}}});
    request["tools"] = json::array();
    for (const char* name : {"Write", "Read"}) {
      const json schema = json::parse(R"({"$schema": "x", "type": "object", "additionalProperties": false, "properties":
        {"file_path": {"type": "string"}, "content": {"type": ["string", "null"]}}, "required": ["file_path"]})");
      request["tools"].push_back({{"name", name}, {"input_schema", schema}});
    }
    return request;
  }

  static v1::SendRequest request(json body, bool stream = true, const char* model = kModel) {
    v1::SendRequest made;
    made.set_upstream("google");
    made.set_model(model);
    made.set_generation_id("gen-1");
    made.set_stream(stream);
    body["stream"] = stream;
    made.set_body(body.dump());
    return made;
  }

  // The message, however it came.
  json message(gemini::Upstream& up, const json& body, bool stream = false, const char* model = kModel) {
    RecordingSink sink;
    const v1::SendRequest send = request(body, stream, model);
    const absl::Status status = shard_.run(up.send(send, sink));
    EXPECT_TRUE(status.ok()) << status;
    if (!status.ok())
      return json::object();
    EXPECT_NE(sink.done(), nullptr);
    return stream ? json() : json::parse(sink.data());
  }

  v1::Failure failure(gemini::Upstream& up, const json& body, bool stream = true, const char* model = kModel) {
    RecordingSink sink;
    const v1::SendRequest send = request(body, stream, model);
    const absl::Status status = shard_.run(up.send(send, sink));
    return status.ok() ? v1::Failure() : failure_of(status);
  }

  // Says on with results for all that the message called.
  static json continued(json body, const json& message) {
    body["messages"].push_back({{"role", "assistant"}, {"content", message["content"]}});
    json results = json::array();
    for (const json& block : message["content"]) {
      if (block["type"] == "tool_use")
        results.push_back({{"type", "tool_result"}, {"tool_use_id", block["id"]}, {"content", "done"}});
    }
    body["messages"].push_back({{"role", "user"}, {"content", results}});
    return body;
  }

  json sent() { return json::parse(simulator_.requests().back().at("body").get<std::string>()); }

  TemporaryDirectory directory_;
  Simulator simulator_;
  Shard shard_;
};

TEST_F(Gemini, Streams) {
  const auto up = upstream();
  RecordingSink sink;
  json body = asking("[[write /tmp/a all is well]]");
  body["thinking"] = {{"type", "adaptive"}};
  v1::SendRequest send = request(body);
  v1::Header& header = *send.add_headers();
  header.set_name("anthropic-beta");
  header.set_value("a,b");
  const absl::Status status = shard_.run(up->send(send, sink));
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_THAT(sink.data(), ::testing::StartsWith("event: message_start\ndata: {"));
  EXPECT_THAT(sink.data(), HasSubstr("\"thinking_delta\""));
  EXPECT_THAT(sink.data(), HasSubstr("\"signature\":\"tg1."));
  EXPECT_THAT(sink.data(), HasSubstr("all is well"));
  EXPECT_THAT(sink.data(), HasSubstr("\"stop_reason\":\"tool_use\""));
  EXPECT_THAT(sink.data(), HasSubstr("event: message_stop"));
  ASSERT_NE(sink.done(), nullptr);
  const v1::Usage& usage = sink.done()->usage();
  EXPECT_GT(usage.input_tokens(), 0);
  EXPECT_GT(usage.output_tokens(), 0);
  EXPECT_TRUE(usage.final());
  const auto seen = simulator_.requests().back();
  EXPECT_EQ(seen.at("target"), "/v1beta/models/gemini-3.1-pro-preview:streamGenerateContent?alt=sse");
  EXPECT_THAT(seen.at("headers").dump(), Not(HasSubstr("anthropic")));
  ASSERT_TRUE(sink.frames.front().has_head());
  EXPECT_EQ(sink.frames.front().head().headers_size(), 1);
  EXPECT_EQ(sink.frames.front().head().headers(0).value(), "text/event-stream; charset=utf-8");
}

// Streamed and whole, with one call and with several, each step with the signatures of those before.
TEST_F(Gemini, GoesThroughASessionOfTools) {
  const auto up = upstream();
  json body = asking("[[write /tmp/a one]] and [[read /tmp/b]]");
  body["thinking"] = {{"type", "enabled"}, {"budget_tokens", 4000}};
  const json first = message(*up, body);
  ASSERT_EQ(first["content"].size(), 3u) << first;
  EXPECT_EQ(first["stop_reason"], "tool_use");
  EXPECT_EQ(first["content"][0]["type"], "thinking");
  EXPECT_EQ(first["content"][1]["input"], json({{"file_path", "/tmp/a"}, {"content", "one"}}));
  body = continued(body, first);
  const json second = message(*up, body);
  EXPECT_EQ(second["stop_reason"], "end_turn");
  EXPECT_GT(second["usage"]["cache_read_input_tokens"], 0);
  // Google's own ids and signature went back.
  const json parts = sent()["contents"][1]["parts"];
  EXPECT_THAT(parts[0]["thoughtSignature"].get<std::string>(), ::testing::StartsWith("CGem"));
  EXPECT_TRUE(parts[0]["functionCall"].contains("id"));
  EXPECT_FALSE(parts[1].contains("thoughtSignature"));
}

// Thinking is not asked for, and still its signatures must come back.
TEST_F(Gemini, CarriesSignaturesWithoutThinking) {
  const auto up = upstream();
  json body = asking("[[write /tmp/a one]]");
  const json first = message(*up, body);
  ASSERT_EQ(first["content"].size(), 2u) << first;
  message(*up, continued(body, first));
  EXPECT_THAT(sent()["contents"][1]["parts"][0]["thoughtSignature"].get<std::string>(), ::testing::StartsWith("CGem"));
}

TEST_F(Gemini, GoesOnWhereAnotherModelOrUpstreamBegan) {
  const auto up = upstream();
  const auto other = upstream("other");
  json body = asking("[[write /tmp/a one]]");
  const json first = message(*up, body);
  body = continued(body, first);
  EXPECT_EQ(message(*other, body)["stop_reason"], "end_turn");
  EXPECT_EQ(sent()["contents"][1]["parts"][0]["thoughtSignature"], "skip_thought_signature_validator");
  EXPECT_EQ(message(*up, body, false, "gemini-4-argon")["stop_reason"], "end_turn");
  EXPECT_EQ(sent()["contents"][1]["parts"][0]["thoughtSignature"], "skip_thought_signature_validator");
  EXPECT_EQ(message(*up, body, false, "gemini-2.5-flash")["stop_reason"], "end_turn");
  EXPECT_FALSE(sent()["contents"][1]["parts"][0].contains("thoughtSignature"));
}

// Corrupted thought signature: once more without any, before the client has seen anything.
TEST_F(Gemini, SendsARefusedSignatureNoMore) {
  const auto up = upstream();
  json body = asking("[[write /tmp/a one]]");
  const json first = message(*up, body);
  body = continued(body, first);
  // What was signed is not what comes back.
  for (json& block : body["messages"][1]["content"]) {
    if (block["type"] == "tool_use")
      block["input"]["content"] = "two";
  }
  const std::size_t before = simulator_.requests().size();
  EXPECT_EQ(message(*up, body)["stop_reason"], "end_turn");
  EXPECT_EQ(simulator_.requests().size(), before + 2);
  EXPECT_EQ(sent()["contents"][1]["parts"][0]["thoughtSignature"], "skip_thought_signature_validator");
}

TEST_F(Gemini, ServesOnVertexByToken) {
  const auto up = vertex();
  json body = asking("[[write /tmp/a one]]");
  const json first = message(*up, body);
  EXPECT_EQ(first["stop_reason"], "tool_use");
  EXPECT_EQ(simulator_.requests().back().at("target"),
            "/v1/projects/test-project/locations/us-central1/publishers/google/models/"
            "gemini-3.1-pro-preview:generateContent");
  EXPECT_EQ(message(*up, continued(body, first))["stop_reason"], "end_turn");
  simulator_.vertex({{"revoke", true}});
  message(*up, body, true);
  const auto requests = simulator_.requests();
  EXPECT_EQ(requests.at(requests.size() - 2).at("target"), "/token");
}

TEST_F(Gemini, CountsTokensByTheUpstreamsOwnWord) {
  json body = asking("hi");
  body.erase("max_tokens");
  for (const bool on_vertex : {false, true}) {
    const auto up = on_vertex ? vertex() : upstream();
    const v1::SendRequest send = request(body, false);
    const auto reply = shard_.run(up->count_tokens(send));
    ASSERT_TRUE(reply.ok()) << reply.status();
    const json counted = json::parse(reply->body());
    EXPECT_EQ(counted.size(), 1u);
    EXPECT_GT(counted["input_tokens"], 50);
    EXPECT_THAT(reply->head().ShortDebugString(), HasSubstr("x-tollgate-token-count"));
    EXPECT_THAT(reply->head().ShortDebugString(), HasSubstr("upstream"));
  }
}

TEST_F(Gemini, Refuses) {
  const auto up = upstream();
  const json blocked = message(*up, asking("[[block]]"));
  EXPECT_EQ(blocked["stop_reason"], "refusal");
  EXPECT_EQ(message(*up, asking("[[finish SAFETY]]"))["stop_reason"], "refusal");
  EXPECT_EQ(failure(*up, asking("[[finish MALFORMED_FUNCTION_CALL]]"), false).kind(), v1::Failure::KIND_UNAVAILABLE);
}

TEST_F(Gemini, MakesGooglesErrorsTheMessagesApis) {
  const auto up = upstream();
  EXPECT_EQ(failure(*upstream("google", "wrong"), asking("hi")).kind(), v1::Failure::KIND_UPSTREAM_AUTH);
  EXPECT_EQ(failure(*up, asking("hi"), true, "claude-3").kind(), v1::Failure::KIND_UPSTREAM_AUTH);
  EXPECT_EQ(failure(*vertex("another"), asking("hi")).kind(), v1::Failure::KIND_UPSTREAM_AUTH);
  const json exhausted = {
      {"error",
       {{"code", 429},
        {"message", "quota"},
        {"status", "RESOURCE_EXHAUSTED"},
        {"details", json::array({{{"@type", "type.googleapis.com/google.rpc.RetryInfo"}, {"retryDelay", "3s"}}})}}}};
  simulator_.script({{"status", 429}, {"body", exhausted}});
  const v1::Failure limited = failure(*up, asking("hi"));
  EXPECT_EQ(limited.kind(), v1::Failure::KIND_RATE_LIMITED);
  EXPECT_EQ(limited.retry_after_ms(), 3000u);
}

TEST_F(Gemini, EndsABrokenStreamAsAFailure) {
  const auto up = upstream();
  simulator_.script({{"break", {{"how", "close"}, {"after_event", 2}}}});
  EXPECT_EQ(failure(*up, asking("a long answer, please")).kind(), v1::Failure::KIND_UNAVAILABLE);
  simulator_.script(
      {{"sse", json::array({"data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}]}\n\n"})}});
  EXPECT_EQ(failure(*up, asking("hi")).kind(), v1::Failure::KIND_UNAVAILABLE);
  const char* error = R"(data: {"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}})";
  simulator_.script({{"sse", json::array({std::string(error) + "\n\n"})}});
  EXPECT_EQ(failure(*up, asking("hi")).kind(), v1::Failure::KIND_OVERLOADED);
  simulator_.script({{"sse", json::array({"data: {not json\n\n"})}});
  EXPECT_EQ(failure(*up, asking("hi")).kind(), v1::Failure::KIND_UNAVAILABLE);
}

TEST_F(Gemini, ArrivesByteByByte) {
  const auto up = upstream();
  simulator_.script({{"chunking", "byte"}});
  RecordingSink sink;
  const v1::SendRequest send = request(asking("[[write /tmp/a äöü]]"));
  const absl::Status status = shard_.run(up->send(send, sink));
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_THAT(sink.data(), HasSubstr("äöü"));
}

TEST_F(Gemini, IsProbedForNothing) {
  EXPECT_TRUE(shard_.run(upstream()->probe(v1::ProbeRequest())).ok());
}

}  // namespace
}  // namespace tollgate::test
