// Claude on Bedrock: the adapter against the simulator, which checks signatures by its own reading of the rules.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "harness.h"
#include "services/provider_adapter/aws/credential_cache.h"
#include "services/provider_adapter/bedrock/route.h"
#include "services/provider_adapter/bedrock/upstream.h"
#include "tests/support/process/simulator.h"
#include "tests/support/process/temporary_directory.h"

namespace tollgate::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using json = nlohmann::ordered_json;
using testing::Simulator;
using Adjust = std::function<void(UpstreamConfig&)>;

constexpr const char* kModel = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";

class Variables {
 public:
  ~Variables() {
    for (const std::string& name : names_)
      ::unsetenv(name.c_str());
  }
  void set(const std::string& name, const std::string& value) {
    ::setenv(name.c_str(), value.c_str(), 1);
    names_.push_back(name);
  }

 private:
  std::vector<std::string> names_;
};

struct Bedrock {
  explicit Bedrock(const std::string& url, const Adjust& adjust = nullptr) {
    anthropic::UpstreamOptions options;
    options.config.name = "bed";
    options.config.dialect = "bedrock";
    options.config.url = url;
    options.config.bedrock.region = "us-east-1";
    options.config.bedrock.access_key_id = "AK1";
    options.config.bedrock.secret_access_key = "secret/1+";
    if (adjust)
      adjust(options.config);
    auto made = bedrock::Upstream::make(shard.context, shard.deadlines, options);
    if (!made.ok())
      throw std::runtime_error(std::string(made.status().message()));
    upstream = *std::move(made);
    request.set_upstream("bed");
    request.set_generation_id("gen-1");
    ask(R"({"model":"asked","max_tokens":50,"messages":[{"role":"user","content":"hello"}]})");
    header("anthropic-version", "2023-06-01");
  }

  // The router has put the model's id at this upstream in the place of "asked".
  void ask(const std::string& body, const std::string& model = kModel) {
    request.set_model(model);
    request.set_body(body);
    request.clear_edits();
    v1::Edit& edit = *request.add_edits();
    edit.set_offset(body.find("\"asked\""));
    edit.set_length(7);
    edit.set_replacement("\"" + model + "\"");
  }
  void header(const std::string& name, const std::string& value) {
    v1::Header& header = *request.add_headers();
    header.set_name(name);
    header.set_value(value);
  }
  v1::Failure send(bool stream) {
    sink.frames.clear();
    request.set_stream(stream);
    const absl::Status status = shard.run(upstream->send(request, sink));
    return status.ok() ? v1::Failure() : failure_of(status);
  }
  std::string response_header(std::string_view name) const {
    for (const v1::Header& header : sink.frames.at(0).head().headers()) {
      if (header.name() == name)
        return header.value();
    }
    return {};
  }

  Shard shard;
  std::unique_ptr<bedrock::Upstream> upstream;
  v1::SendRequest request;
  RecordingSink sink;
};

const std::vector<std::string> kKeys = {"--aws-key", "AK1:secret/1+", "--aws-key", "AK2:s2:token=="};

TEST(Bedrock, StreamsTheApisOwnEvents) {
  Simulator simulator(kKeys);
  Bedrock bedrock(simulator.url());
  ASSERT_EQ(bedrock.send(true).message(), "");
  EXPECT_EQ(bedrock.response_header("content-type"), "text/event-stream; charset=utf-8");
  EXPECT_THAT(bedrock.response_header("request-id"), HasSubstr("00000000-"));
  const std::string data = bedrock.sink.data();
  EXPECT_THAT(data, HasSubstr("event: message_start\ndata: {"));
  EXPECT_THAT(data, HasSubstr("You said: "));
  EXPECT_TRUE(data.ends_with("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")) << "without the metrics";
  ASSERT_NE(bedrock.sink.done(), nullptr);
  EXPECT_TRUE(bedrock.sink.done()->usage().final());
  const json request = simulator.requests().at(0);
  EXPECT_EQ(request["target"], "/model/" + std::string(kModel) + "/invoke-with-response-stream");
  EXPECT_EQ(request["body"], R"({"anthropic_version":"bedrock-2023-05-31","max_tokens":50,)"
                             R"("messages":[{"role":"user","content":"hello"}]})");
  const json billed = simulator.billed();
  EXPECT_EQ(billed["totals"]["output_tokens"], bedrock.sink.done()->usage().output_tokens());
  EXPECT_EQ(billed["totals"]["input_tokens"], bedrock.sink.done()->usage().input_tokens());
}

TEST(Bedrock, AMessageAsAWholeIsUntouched) {
  Simulator simulator(kKeys);
  const std::string message =
      R"({ "id":"msg_bdrk_1", "type":"message","content":[],  "usage":{"input_tokens":3,"output_tokens":4}})";
  simulator.script({{"match", {{"path", "/model/" + std::string(kModel) + "/invoke"}}}, {"body", message}});
  Bedrock bedrock(simulator.url());
  ASSERT_EQ(bedrock.send(false).message(), "");
  EXPECT_EQ(bedrock.sink.data(), message);
  EXPECT_EQ(bedrock.sink.done()->usage().output_tokens(), 4);
  ASSERT_EQ(bedrock.send(false).message(), "") << "unscripted: signature and body are checked";
  EXPECT_THAT(bedrock.sink.data(), HasSubstr(R"("model":"us.anthropic)"));
}

TEST(Bedrock, SignsIdsWithColonsAndArns) {
  Simulator simulator(kKeys);
  Bedrock bedrock(simulator.url() + "/");
  for (const char* model :
       {"anthropic.claude-opus-4-8", "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123"}) {
    bedrock.ask(R"({"model":"asked","max_tokens":5,"messages":[{"role":"user","content":"hello"}]})", model);
    EXPECT_EQ(bedrock.send(true).message(), "") << model;
    EXPECT_EQ(bedrock.send(false).message(), "") << model;
  }
}

TEST(Bedrock, TheApisOwnFormIsSignedToo) {
  Simulator simulator(kKeys);
  Bedrock bedrock(simulator.url() + "/anthropic", [](UpstreamConfig& config) {
    config.bedrock.wire = BedrockWire::kMessages;
    config.bedrock.service = "bedrock-mantle";
  });
  bedrock.header("anthropic-beta", "context-1m-2025-08-07");
  bedrock.header("x-amz-date", "a client's");
  bedrock.header("Content-Type", "application/json; charset=utf-8");
  bedrock.ask(R"({"model":"asked","max_tokens":50,"stream":true,"messages":[{"role":"user","content":"hello"}]})");
  ASSERT_EQ(bedrock.send(true).message(), "");
  EXPECT_TRUE(bedrock.sink.data().ends_with("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"));
  const json request = simulator.requests().at(0);
  EXPECT_EQ(request["target"], "/anthropic/v1/messages?beta=true");
  EXPECT_EQ(request["body"], R"({"model":"us.anthropic.claude-sonnet-4-5-20250929-v1:0","max_tokens":50,"stream":true,)"
                             R"("messages":[{"role":"user","content":"hello"}]})");
  bedrock.ask(R"({"model":"asked","max_tokens":50,"messages":[{"role":"user","content":"hello"}]})");
  ASSERT_EQ(bedrock.send(false).message(), "");
  EXPECT_THAT(bedrock.sink.data(), HasSubstr(R"("type":"message")"));
}

TEST(Bedrock, SessionTokensAndApiKeys) {
  Simulator simulator({"--aws-key", "AK2:s2:token==", "--api-key", "bearer-1"});
  Bedrock temporary(simulator.url(), [](UpstreamConfig& config) {
    config.bedrock.access_key_id = "AK2";
    config.bedrock.secret_access_key = "s2";
    config.bedrock.session_token = "token==";
  });
  EXPECT_EQ(temporary.send(true).message(), "");
  const auto with_key = [](const char* key) {
    return [key](UpstreamConfig& config) {
      config.bedrock = {};
      config.bedrock.region = "us-east-1";
      config.api_key = key;
    };
  };
  Bedrock bearer(simulator.url(), with_key("bearer-1"));
  bearer.header("authorization", "Bearer the client's");
  EXPECT_EQ(bearer.send(true).message(), "");
  Bedrock wrong(simulator.url(), with_key("bearer-2"));
  EXPECT_EQ(wrong.send(true).kind(), v1::Failure::KIND_UPSTREAM_AUTH);
  Variables variables;
  variables.set("AWS_BEARER_TOKEN_BEDROCK", "bearer-1");
  Bedrock environment(simulator.url(), with_key(""));
  EXPECT_EQ(environment.send(true).message(), "");
}

TEST(Bedrock, AWrongSecretIsTheOperatorsMatter) {
  Simulator simulator(kKeys);
  Bedrock bedrock(simulator.url(), [](UpstreamConfig& config) { config.bedrock.secret_access_key = "other"; });
  const v1::Failure failure = bedrock.send(true);
  EXPECT_EQ(failure.kind(), v1::Failure::KIND_UPSTREAM_AUTH);
  EXPECT_THAT(failure.message(), HasSubstr("InvalidSignatureException"));
  EXPECT_THAT(failure.message(), HasSubstr("upstreams.bed.credentials"));
  EXPECT_THAT(failure.message(), Not(HasSubstr("AK1")));
  EXPECT_TRUE(bedrock.sink.frames.empty());
}

TEST(Bedrock, FlagsGoIntoTheBody) {
  Simulator simulator(kKeys);
  Bedrock bedrock(simulator.url());
  bedrock.header("anthropic-beta", "context-1m-2025-08-07,effort-2025-11-24");
  ASSERT_EQ(bedrock.send(true).message(), "");
  EXPECT_THAT(simulator.requests().at(0)["body"].get<std::string>(),
              HasSubstr(R"("anthropic_beta":["context-1m-2025-08-07","effort-2025-11-24"])"));
  const json headers = simulator.requests().at(0)["headers"];
  for (const auto& header : headers)
    EXPECT_THAT(header[0].get<std::string>(), Not(HasSubstr("anthropic")));
  // An unknown one fails the whole request, which is tried again without.
  bedrock.header("anthropic-beta", "oauth-2025-04-20");
  ASSERT_EQ(bedrock.send(true).message(), "");
  EXPECT_EQ(simulator.requests().size(), 3u);
  EXPECT_THAT(simulator.requests().back()["body"].get<std::string>(), Not(HasSubstr("oauth-2025-04-20")));
}

json script_of(const json& events) {
  return {{"sse", events}};
}
json exception_event(const std::string& name, const std::string& message) {
  return {{"raw", "event: exception:" + name + "\ndata: {\"message\":\"" + message + "\"}\n\n"}};
}
const json kStartEvent = {{"type", "message_start"}, {"message", {{"usage", {{"input_tokens", 9}}}}}};
const json kBlockEvent = {{"type", "content_block_start"}, {"index", 0}, {"content_block", {{"type", "text"}}}};

TEST(Bedrock, AnExceptionBeforeContentLeavesTheClientUntouched) {
  Simulator simulator(kKeys);
  simulator.script(script_of({kStartEvent, exception_event("throttlingException", "Too many tokens")}));
  Bedrock bedrock(simulator.url());
  const v1::Failure failure = bedrock.send(true);
  EXPECT_EQ(failure.kind(), v1::Failure::KIND_RATE_LIMITED);
  EXPECT_EQ(failure.http_status(), 429u);
  EXPECT_EQ(bedrock.sink.order().find('C'), std::string::npos);
}

TEST(Bedrock, AnExceptionAfterContentIsNoCleanEnd) {
  Simulator simulator(kKeys);
  simulator.script(script_of({kStartEvent, kBlockEvent, exception_event("modelStreamErrorException", "broke")}));
  Bedrock bedrock(simulator.url());
  const v1::Failure failure = bedrock.send(true);
  EXPECT_EQ(failure.kind(), v1::Failure::KIND_UNAVAILABLE);
  EXPECT_EQ(failure.error_type(), "api_error");
  EXPECT_NE(bedrock.sink.order().find('C'), std::string::npos);
  EXPECT_EQ(bedrock.sink.done(), nullptr);
  EXPECT_THAT(bedrock.sink.data(), HasSubstr("content_block_start"));
}

TEST(Bedrock, CutShortOrMalformedIsAFailure) {
  Simulator simulator(kKeys);
  Bedrock bedrock(simulator.url());
  simulator.script({{"chunking", "byte"}});
  EXPECT_EQ(bedrock.send(true).message(), "") << "a byte at a time";
  for (const int size : {1, 11, 100, 700}) {
    simulator.script({{"break", {{"how", "close"}, {"after_bytes", size}}}});
    EXPECT_EQ(bedrock.send(true).kind(), v1::Failure::KIND_UNAVAILABLE) << size;
    EXPECT_EQ(bedrock.sink.done(), nullptr);
  }
  simulator.script(script_of({kStartEvent, json{{"raw", "no frame of AWS, but long enough to be looked at"}}}));
  EXPECT_THAT(bedrock.send(true).message(), HasSubstr("checksum of a message's prelude"));
}

TEST(Bedrock, ErrorsBeforeTheStream) {
  Simulator simulator(kKeys);
  Bedrock bedrock(simulator.url());
  const std::pair<int, FailureKind> rows[] = {{429, v1::Failure::KIND_RATE_LIMITED},
                                              {529, v1::Failure::KIND_OVERLOADED},
                                              {500, v1::Failure::KIND_UNAVAILABLE},
                                              {400, v1::Failure::KIND_INVALID_REQUEST},
                                              {404, v1::Failure::KIND_NOT_FOUND}};
  for (const auto& [status, kind] : rows) {
    simulator.script({{"status", status}, {"message", "as told"}});
    const v1::Failure failure = bedrock.send(true);
    EXPECT_EQ(failure.kind(), kind) << status;
    EXPECT_THAT(failure.message(), HasSubstr("as told"));
  }
}

TEST(Bedrock, CountsTokens) {
  Simulator simulator(kKeys);
  Bedrock bedrock(simulator.url());
  auto reply = bedrock.shard.run(bedrock.upstream->count_tokens(bedrock.request));
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_THAT(reply->body(), HasSubstr(R"({"input_tokens":)"));
  // Not for this profile, but for the model behind it.
  simulator.script({{"status", 400}, {"message", "The provided model doesn't support counting tokens."}});
  reply = bedrock.shard.run(bedrock.upstream->count_tokens(bedrock.request));
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(simulator.requests().back()["target"], "/model/anthropic.claude-sonnet-4-5-20250929-v1:0/count-tokens");
  // For neither: our own guess, which says so.
  simulator.script({{"status", 400}, {"message", "no"}, {"repeat", 2}});
  reply = bedrock.shard.run(bedrock.upstream->count_tokens(bedrock.request));
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->body(), R"({"input_tokens":)" + std::to_string(bedrock.request.body().size() / 4) + "}");
  EXPECT_EQ(reply->head().headers(1).name(), "x-tollgate-estimated");
  simulator.script({{"status", 429}});
  EXPECT_FALSE(bedrock.shard.run(bedrock.upstream->count_tokens(bedrock.request)).ok());
}

TEST(Bedrock, ProbesWithoutCost) {
  Simulator simulator(kKeys);
  const v1::ProbeRequest probe;
  Bedrock good(simulator.url());
  const auto reply = good.shard.run(good.upstream->probe(probe));
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_THAT(reply->detail(), HasSubstr("credentials accepted"));
  Bedrock bad(simulator.url(), [](UpstreamConfig& config) { config.bedrock.access_key_id = "AK9"; });
  EXPECT_FALSE(bad.shard.run(bad.upstream->probe(probe)).ok());
  EXPECT_EQ(simulator.billed()["totals"]["requests"], 0);
}

// Without credentials of its own, so that it looks for them.
void looks_for_credentials(UpstreamConfig& config) {
  config.bedrock.access_key_id.clear();
  config.bedrock.secret_access_key.clear();
}

json container_answer(const std::string& id, const std::string& secret, const std::string& token,
                      const std::string& expiration) {
  const json body = {{"AccessKeyId", id}, {"SecretAccessKey", secret}, {"Token", token}, {"Expiration", expiration}};
  return {{"match", {{"path", "/creds"}, {"header", {{"authorization", "pod-token"}}}}}, {"body", body}};
}

TEST(BedrockCredentials, FromTheContainerOnce) {
  Simulator simulator(kKeys);
  testing::TemporaryDirectory directory;
  Variables variables;
  variables.set("HOME", directory.path());
  variables.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", simulator.url() + "/creds");
  variables.set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", directory.write("token", "pod-token\n"));
  simulator.script(container_answer("AK2", "s2", "token==", "2099-01-01T00:00:00Z"));
  Bedrock bedrock(simulator.url(), looks_for_credentials);
  ASSERT_EQ(bedrock.send(true).message(), "");
  ASSERT_EQ(bedrock.send(true).message(), "") << "asked for once";
  EXPECT_EQ(simulator.requests().size(), 3u);
}

TEST(BedrockCredentials, FromTheInstance) {
  Simulator simulator(kKeys);
  testing::TemporaryDirectory directory;
  Variables variables;
  variables.set("HOME", directory.path());
  variables.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", simulator.url());
  const std::string list = "/latest/meta-data/iam/security-credentials/";
  const json session = {{"x-aws-ec2-metadata-token", "session-1"}};
  simulator.script({{"match", {{"path", "/latest/api/token"}}}, {"body", "session-1"}});
  simulator.script({{"match", {{"path", list}, {"header", session}}}, {"body", "my-role"}});
  simulator.script({{"match", {{"path", list + "my-role"}, {"header", session}}},
                    {"body",
                     {{"Code", "Success"},
                      {"AccessKeyId", "AK2"},
                      {"SecretAccessKey", "s2"},
                      {"Token", "token=="},
                      {"Expiration", "2099-01-01T00:00:00Z"}}}});
  Bedrock bedrock(simulator.url(), looks_for_credentials);
  EXPECT_EQ(bedrock.send(true).message(), "");
}

TEST(BedrockCredentials, FromAWebIdentity) {
  Simulator simulator(kKeys);
  testing::TemporaryDirectory directory;
  Variables variables;
  variables.set("HOME", directory.path());
  variables.set("AWS_WEB_IDENTITY_TOKEN_FILE", directory.write("jwt", "ey.J+w/t"));
  variables.set("AWS_ROLE_ARN", "arn:aws:iam::1:role/r");
  variables.set("AWS_ENDPOINT_URL_STS", simulator.url() + "/sts");
  simulator.script({{"match", {{"path", "/sts"}}},
                    {"body",
                     "<R><Credentials><AccessKeyId>AK2</AccessKeyId><SecretAccessKey>s2</SecretAccessKey>"
                     "<SessionToken>token==</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>"
                     "</Credentials></R>"}});
  Bedrock bedrock(simulator.url(), looks_for_credentials);
  EXPECT_EQ(bedrock.send(true).message(), "");
  EXPECT_EQ(simulator.requests().at(0)["body"],
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&"
            "RoleSessionName=tollgate&WebIdentityToken=ey.J%2Bw%2Ft");
}

TEST(BedrockCredentials, FromEnvironmentAndFileInThatOrder) {
  Simulator simulator(kKeys);
  testing::TemporaryDirectory directory;
  Variables variables;
  variables.set("AWS_SHARED_CREDENTIALS_FILE",
                directory.write("file",
                                "[default]\naws_access_key_id=AK9\naws_secret_access_key=x\n[work]\n"
                                "aws_access_key_id=AK1\naws_secret_access_key=secret/1+\n"));
  Bedrock profile(simulator.url(), [](UpstreamConfig& config) {
    looks_for_credentials(config);
    config.bedrock.profile = "work";
  });
  EXPECT_EQ(profile.send(true).message(), "");
  variables.set("AWS_ACCESS_KEY_ID", "AK1");
  variables.set("AWS_SECRET_ACCESS_KEY", "secret/1+");
  Bedrock environment(simulator.url(), looks_for_credentials);
  EXPECT_EQ(environment.send(true).message(), "") << "before the file's default";
}

TEST(BedrockCredentials, NoneNamesAllThatWasTried) {
  testing::TemporaryDirectory directory;
  Variables variables;
  variables.set("HOME", directory.path());
  variables.set("AWS_EC2_METADATA_DISABLED", "true");
  Bedrock bedrock("http://127.0.0.1:9", looks_for_credentials);
  const v1::Failure failure = bedrock.send(true);
  EXPECT_EQ(failure.kind(), v1::Failure::KIND_UPSTREAM_AUTH);
  for (const char* text : {"AWS_ACCESS_KEY_ID is not set", "AWS_WEB_IDENTITY_TOKEN_FILE is not set", ".aws/credentials",
                           "AWS_CONTAINER_CREDENTIALS_FULL_URI is not set", "AWS_EC2_METADATA_DISABLED is true",
                           "upstreams.bed.credentials"})
    EXPECT_THAT(failure.message(), HasSubstr(text));
}

TEST(BedrockCredentials, TheTokenGoesToNoStranger) {
  Variables variables;
  testing::TemporaryDirectory directory;
  variables.set("HOME", directory.path());
  for (const char* url : {"http://example.com/creds", "http://169.254.170.2.example.com/", "http://localhost.evil/",
                          "http://127.evil.example/", "http://127.0.0.1.evil.example:80/", "http://169.254.170.20/",
                          "ftp://localhost/"}) {
    variables.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", url);
    Bedrock bedrock("http://127.0.0.1:9", looks_for_credentials);
    EXPECT_THAT(bedrock.send(true).message(), HasSubstr("loopback")) << url;
  }
}

// The cache by itself: a clock and a source of the test's.
struct CacheTest : ::testing::Test {
  Shard shard;
  std::chrono::system_clock::time_point now = std::chrono::system_clock::from_time_t(1'800'000'000);
  int looks = 0;
  std::chrono::seconds lives{3600};
  bool fails = false;
  // While it is set, looking waits for it.
  std::shared_ptr<Timer> gate;
  aws::CredentialCache cache{
      [this](asio::io_context&, Deadlines&) -> Awaitable<absl::StatusOr<aws::TimedCredentials>> { return look(); },
      [this] { return now; }};

  Awaitable<absl::StatusOr<aws::TimedCredentials>> look() {
    ++looks;
    const std::shared_ptr<Timer> wait = gate;
    if (wait != nullptr)
      co_await wait->async_wait(as_tuple);
    if (fails)
      co_return absl::UnavailableError("nobody answered");
    aws::TimedCredentials found;
    found.credentials.access_key_id = "look-" + std::to_string(looks);
    found.credentials.secret_access_key = "secret";
    found.expires = now + lives;
    co_return found;
  }
  std::string get() {
    const auto held = shard.run(cache.get(shard.context, shard.deadlines));
    return held.ok() ? held->credentials->credentials.access_key_id : std::string(held.status().message());
  }
};

// Revoked before their time: AWS refuses the request, which is signed anew with what is found then.
TEST_F(CacheTest, WhatAwsKnowsNoMoreIsRenewedWithinTheRequest) {
  Simulator simulator({"--aws-key", "look-2:secret"});
  anthropic::UpstreamOptions options;
  options.config.name = "bed";
  options.config.dialect = "bedrock";
  options.config.bedrock.region = "us-east-1";
  const auto url = upstream::parse_url(simulator.url());
  // The test's own, which the destructor must not delete.
  std::shared_ptr<aws::CredentialCache> shared(&cache, [](aws::CredentialCache*) {});
  auto route =
      std::make_unique<bedrock::Route>(shard.context, shard.deadlines, options.config, *url, std::string(), shared);
  const auto upstream = anthropic::Upstream::make(shard.context, shard.deadlines, options, *url, std::move(route));
  ASSERT_TRUE(upstream.ok()) << upstream.status();
  EXPECT_EQ(get(), "look-1");
  now += std::chrono::seconds(11);
  v1::SendRequest request;
  request.set_model("anthropic.claude-opus-4-8");
  request.set_body(R"({"max_tokens":5,"messages":[{"role":"user","content":"hello"}]})");
  RecordingSink sink;
  const absl::Status status = shard.run((*upstream)->send(request, sink));
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(looks, 2);
  EXPECT_EQ(simulator.requests().size(), 2u);
}

TEST_F(CacheTest, RenewsFiveMinutesAhead) {
  EXPECT_EQ(get(), "look-1");
  now += std::chrono::seconds(3300);
  EXPECT_EQ(get(), "look-1");
  now += std::chrono::seconds(1);
  EXPECT_EQ(get(), "look-2");
  EXPECT_EQ(get(), "look-2");
}

TEST_F(CacheTest, GoesOnWithWhatIsGoodWhenRenewalFails) {
  EXPECT_EQ(get(), "look-1");
  now += std::chrono::seconds(3400);
  fails = true;
  EXPECT_EQ(get(), "look-1");
  EXPECT_EQ(get(), "look-1");
  EXPECT_EQ(looks, 2) << "not at every request";
  now += std::chrono::seconds(195);
  EXPECT_EQ(get(), "nobody answered");
  EXPECT_EQ(get(), "nobody answered");
  EXPECT_EQ(looks, 3);
  fails = false;
  now += std::chrono::seconds(2);
  EXPECT_EQ(get(), "look-4");
}

TEST_F(CacheTest, OneLookForAllWhoWait) {
  gate = std::make_shared<Timer>(shard.context, SteadyClock::time_point::max());
  int done = 0;
  for (int i = 0; i < 20; ++i) {
    asio::co_spawn(shard.context, cache.get(shard.context, shard.deadlines),
                   [&](std::exception_ptr, const absl::StatusOr<aws::HeldCredentials>& held) { done += held.ok(); });
  }
  shard.context.poll();
  EXPECT_EQ(looks, 1);
  EXPECT_EQ(done, 0);
  gate->cancel();
  shard.context.restart();
  while (done < 20)
    shard.context.run_one();
  EXPECT_EQ(looks, 1);
}

TEST_F(CacheTest, WhoeverIsCancelledHandsOver) {
  gate = std::make_shared<Timer>(shard.context, SteadyClock::time_point::max());
  asio::cancellation_signal cancel;
  bool cancelled = false;
  bool got = false;
  asio::co_spawn(shard.context, cache.get(shard.context, shard.deadlines),
                 asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr thrown, const auto& held) {
                   cancelled = thrown != nullptr || !held.ok() || held->credentials != nullptr;
                 }));
  asio::co_spawn(shard.context, cache.get(shard.context, shard.deadlines),
                 [&](std::exception_ptr, const auto& held) { got = held.ok(); });
  shard.context.poll();
  gate = nullptr;
  cancel.emit(asio::cancellation_type::terminal);
  shard.context.restart();
  shard.run_until(got);
  EXPECT_TRUE(cancelled);
}

TEST_F(CacheTest, ForgetsOnceInAWhile) {
  EXPECT_EQ(get(), "look-1");
  EXPECT_FALSE(cache.forget(1)) << "found a moment ago";
  now += std::chrono::seconds(11);
  EXPECT_TRUE(cache.forget(1));
  EXPECT_EQ(get(), "look-2");
  EXPECT_TRUE(cache.forget(1)) << "newer ones are there";
  EXPECT_EQ(get(), "look-2");
}

}  // namespace
}  // namespace tollgate::test
