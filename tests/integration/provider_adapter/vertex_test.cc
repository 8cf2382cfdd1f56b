// Claude on Vertex AI, against the simulator as Google Cloud.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "harness.h"
#include "services/provider_adapter/google/token_source.h"
#include "services/provider_adapter/vertex/upstream.h"
#include "tests/support/google/test_key.h"
#include "tests/support/process/simulator.h"
#include "tests/support/process/temporary_directory.h"

namespace tollgate::test {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Simulator;
using testing::TemporaryDirectory;

constexpr const char* kMetadata = "/computeMetadata/v1/instance/service-accounts/default/token";

class Vertex : public ::testing::Test {
 protected:
  Vertex() : simulator_({"--vertex-key", directory_.write("public.pem", kRsaPublicKey)}) {}

  json account(std::string_view email = "gateway@test-project.iam.gserviceaccount.com") const {
    return {{"type", "service_account"},
            {"private_key_id", "key-1"},
            {"private_key", kRsaKey},
            {"client_email", email},
            {"token_uri", simulator_.url() + "/token"}};
  }

  json federation(const json& source, bool impersonates = true) const {
    json object = {{"type", "external_account"},
                   {"audience", impersonates ? "//iam/p" : "//iam/p/direct"},
                   {"subject_token_type", "urn:ietf:params:oauth:token-type:jwt"},
                   {"token_url", simulator_.url() + "/sts"},
                   {"credential_source", source}};
    if (impersonates)
      object["service_account_impersonation_url"] = simulator_.url() + "/impersonate:generateAccessToken";
    return object;
  }

  gcp::TokenSource tokens(const json& credentials, gcp::TokenSource::Options options = {}) {
    options.name = "up";
    return gcp::TokenSource(shard_.context, shard_.deadlines, *gcp::parse_credentials(credentials.dump()),
                            std::move(options));
  }

  std::unique_ptr<anthropic::Upstream> upstream(const json& credentials) {
    anthropic::UpstreamOptions options;
    options.config.name = "up";
    options.config.dialect = "vertex";
    options.config.url = simulator_.url();
    options.config.vertex.project = "test-project";
    options.config.vertex.region = "us-east5";
    options.config.vertex.credentials_file = directory_.write("credentials.json", credentials.dump());
    auto made = vertex::make_upstream(shard_.context, shard_.deadlines, std::move(options));
    if (!made.ok())
      throw std::runtime_error(std::string(made.status().message()));
    return *std::move(made);
  }

  static v1::SendRequest request(bool stream = true) {
    v1::SendRequest made;
    made.set_model("claude-sonnet-4-5@20250929");
    made.set_generation_id("gen-1");
    made.set_stream(stream);
    made.set_body(fmt::format(
        R"({{"max_tokens":100,"x":1.0e+02,"model":"claude-sonnet-4-5" ,"stream":{},"messages":[{{"role":"user","content":"h\u00e9"}}]}})",
        stream));
    const std::size_t begin = made.body().find("\"model\"");
    v1::Member& member = *made.add_members();
    member.set_name("model");
    member.set_begin(begin);
    member.set_end(made.body().find(" ,\"stream\""));
    v1::Edit& edit = *made.add_edits();
    edit.set_offset(begin + 8);
    edit.set_length(member.end() - edit.offset());
    edit.set_replacement("\"claude-sonnet-4-5@20250929\"");
    return made;
  }

  static void add_header(v1::SendRequest& send, const std::string& name, const std::string& value) {
    v1::Header& header = *send.add_headers();
    header.set_name(name);
    header.set_value(value);
  }

  std::vector<std::string> paths() {
    std::vector<std::string> all;
    for (const auto& entry : simulator_.requests()) {
      const std::string target = entry.at("target").get<std::string>();
      all.push_back(target.substr(0, target.find('?')));
    }
    return all;
  }

  long count(const std::string& path) {
    const std::vector<std::string> all = paths();
    return std::count(all.begin(), all.end(), path);
  }

  TemporaryDirectory directory_;
  Simulator simulator_;
  Shard shard_;
  const std::string predict_ =
      "/v1/projects/test-project/locations/us-east5/publishers/anthropic/models/"
      "claude-sonnet-4-5@20250929:streamRawPredict";
};

TEST_F(Vertex, StreamsWithTheVersionInTheBody) {
  const auto up = upstream(account());
  RecordingSink sink;
  v1::SendRequest send = request();
  add_header(send, "anthropic-version", "2026-10-21");
  add_header(send, "anthropic-beta", "a,b");
  add_header(send, "X-Goog-User-Project", "somebody-else");
  const absl::Status status = shard_.run(up->send(send, sink));
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_THAT(sink.data(), ::testing::StartsWith("event: message_start\ndata: {"));
  EXPECT_THAT(sink.data(), HasSubstr("event: message_stop"));
  ASSERT_NE(sink.done(), nullptr);
  EXPECT_GT(sink.done()->usage().output_tokens(), 0);
  EXPECT_THAT(paths(), ElementsAre("/token", predict_));
  const auto sent = simulator_.requests().at(1);
  EXPECT_EQ(sent.at("target"), predict_);
  EXPECT_EQ(sent.at("body"), R"({"max_tokens":100,"x":1.0e+02,"anthropic_version":"2026-10-21" ,"stream":true,)"
                             R"("messages":[{"role":"user","content":"h\u00e9"}]})");
  const std::string headers = sent.at("headers").dump();
  EXPECT_THAT(headers, HasSubstr("a,b"));
  EXPECT_THAT(headers, Not(HasSubstr("somebody-else")));
  EXPECT_THAT(headers, Not(HasSubstr("anthropic-version")));
}

TEST_F(Vertex, AnswersWholeMessagesAndCountsTokens) {
  const auto up = upstream(account());
  RecordingSink sink;
  const v1::SendRequest send = request(false);
  ASSERT_TRUE(shard_.run(up->send(send, sink)).ok());
  EXPECT_THAT(sink.data(), HasSubstr("\"type\":\"message\""));
  const auto counted = shard_.run(up->count_tokens(send));
  ASSERT_TRUE(counted.ok()) << counted.status();
  EXPECT_THAT(counted->body(), HasSubstr("input_tokens"));
  EXPECT_THAT(simulator_.requests().at(2).at("body").get<std::string>(),
              ::testing::StartsWith(R"({"anthropic_version":"vertex-2023-10-16","max_tokens":100,"x":1.0e+02,)"
                                    R"("model":"claude-sonnet-4-5@20250929" ,)"));
  // One token for all of them.
  EXPECT_EQ(count("/token"), 1);
  const auto probed = shard_.run(up->probe({}));
  ASSERT_TRUE(probed.ok()) << probed.status();
  EXPECT_THAT(probed->detail(), HasSubstr("/v1/projects/test-project/locations/us-east5 answered 200"));
}

TEST_F(Vertex, OneTokenForAllWhoWait) {
  const auto up = upstream(account());
  const v1::SendRequest send = request();
  std::vector<RecordingSink> sinks(50);
  int done = 0;
  bool all = false;
  for (RecordingSink& sink : sinks) {
    asio::co_spawn(shard_.context, up->send(send, sink), [&](std::exception_ptr thrown, absl::Status status) {
      EXPECT_EQ(thrown, nullptr);
      EXPECT_TRUE(status.ok()) << status;
      all = ++done == 50;
    });
  }
  shard_.run_until(all);
  EXPECT_EQ(count("/token"), 1);
  EXPECT_EQ(count(predict_), 50);

  // All of them refused at once: one new token, and each tries again once.
  simulator_.reset();
  simulator_.vertex({{"revoke", true}});
  done = 0;
  all = false;
  for (RecordingSink& sink : sinks) {
    sink.frames.clear();
    asio::co_spawn(shard_.context, up->send(send, sink), [&](std::exception_ptr thrown, absl::Status status) {
      EXPECT_EQ(thrown, nullptr);
      EXPECT_TRUE(status.ok()) << status;
      all = ++done == 50;
    });
  }
  shard_.run_until(all);
  EXPECT_EQ(count("/token"), 1);
  EXPECT_EQ(count(predict_), 100);
}

TEST_F(Vertex, ARefusedTokenIsReplacedOnce) {
  const auto up = upstream(account());
  const v1::SendRequest send = request();
  RecordingSink sink;
  ASSERT_TRUE(shard_.run(up->send(send, sink)).ok());
  simulator_.vertex({{"revoke", true}});
  sink.frames.clear();
  ASSERT_TRUE(shard_.run(up->send(send, sink)).ok());
  EXPECT_THAT(paths(), ElementsAre("/token", predict_, predict_, "/token", predict_));

  simulator_.reset();
  const json refusal = {{"error", {{"code", 401}, {"status", "UNAUTHENTICATED"}, {"message", "token ya29.secret"}}}};
  simulator_.script({{"match", {{"path", predict_}}}, {"repeat", 0}, {"status", 401}, {"body", {refusal}}});
  sink.frames.clear();
  const v1::Failure failure = failure_of(shard_.run(up->send(send, sink)));
  EXPECT_EQ(failure.kind(), v1::Failure::KIND_UPSTREAM_AUTH);
  EXPECT_EQ(failure.http_status(), 502u);
  EXPECT_THAT(failure.DebugString(), Not(HasSubstr("ya29.secret")));
  EXPECT_THAT(paths(), ElementsAre(predict_, "/token", predict_));
  EXPECT_TRUE(sink.frames.empty());
}

TEST_F(Vertex, GooglesErrorsAreTheApis) {
  const auto up = upstream(account());
  const json quota = {{"error", {{"code", 429}, {"status", "RESOURCE_EXHAUSTED"}, {"message", "Quota exceeded"}}}};
  simulator_.script({{"match", {{"path", predict_}}}, {"status", 429}, {"body", {quota}}});
  RecordingSink sink;
  v1::SendRequest send = request();
  v1::Failure failure = failure_of(shard_.run(up->send(send, sink)));
  EXPECT_EQ(failure.kind(), v1::Failure::KIND_RATE_LIMITED);
  EXPECT_EQ(failure.error_type(), "rate_limit_error");
  EXPECT_THAT(failure.message(), HasSubstr("Quota exceeded"));
  EXPECT_EQ(failure.generation_id(), "gen-1");
  // The simulator's own refusal of the model: Anthropic's error inside Google's.
  send.set_body(R"({"max_tokens":"many","model":"m" ,"stream":true,"messages":[]})");
  send.clear_edits();
  send.mutable_members(0)->set_begin(21);
  send.mutable_members(0)->set_end(32);
  failure = failure_of(shard_.run(up->send(send, sink)));
  EXPECT_EQ(failure.kind(), v1::Failure::KIND_INVALID_REQUEST);
  EXPECT_THAT(failure.body(), HasSubstr("invalid_request_error"));
}

TEST_F(Vertex, EveryIdentityGetsAToken) {
  const std::string file = directory_.write("subject", "subject-token\n");
  const std::string json_file = directory_.write("subject.json", R"({"t":"subject-token"})");
  const json json_format = {{"type", "json"}, {"subject_token_field_name", "t"}};
  const json user = {{"type", "authorized_user"},
                     {"client_id", "client-id"},
                     {"client_secret", "client-secret"},
                     {"refresh_token", "refresh-token"},
                     {"token_uri", simulator_.url() + "/token"}};
  simulator_.script({{"match", {{"path", "/subject"}, {"header", {{"Metadata", "True"}}}}},
                     {"status", 200},
                     {"body", {{"t", "subject-token"}}}});
  const std::vector<json> all = {
      account(),
      user,
      federation({{"file", file}}),
      federation({{"file", json_file}, {"format", json_format}}, false),
      federation({{"url", simulator_.url() + "/subject?audience=x"},
                  {"headers", {{"Metadata", "True"}}},
                  {"format", json_format}}),
  };
  for (const json& credentials : all) {
    const auto up = upstream(credentials);
    RecordingSink sink;
    const v1::SendRequest send = request();
    const absl::Status status = shard_.run(up->send(send, sink));
    EXPECT_TRUE(status.ok()) << credentials.at("type") << status;
  }
  // The metadata server.
  gcp::TokenSource::Options options;
  options.name = "up";
  const std::string host = fmt::format("127.0.0.1:{}", simulator_.port());
  gcp::TokenSource machine(shard_.context, shard_.deadlines, gcp::Credentials{gcp::MetadataServer{host}, ""}, options);
  const auto token = shard_.run(machine.token());
  ASSERT_TRUE(token.ok()) << token.status();
  EXPECT_THAT(token->value, ::testing::StartsWith("ya29."));
  EXPECT_EQ(count(kMetadata), 1);
}

TEST_F(Vertex, AFailureNamesItsStep) {
  const std::string bad = directory_.write("bad", "stolen-token");
  const std::string empty = directory_.write("empty", "\n");
  json nowhere = account();
  nowhere["token_uri"] = "http://127.0.0.1:1/token";
  const std::vector<std::tuple<json, std::string, FailureKind>> cases = {
      {account("nobody@test-project.iam.gserviceaccount.com"),
       fmt::format("exchange of the service account's assertion failed: {}/token answered 400 invalid_grant",
                   simulator_.url()),
       v1::Failure::KIND_UPSTREAM_AUTH},
      {nowhere, "exchange of the service account's assertion failed: http://127.0.0.1:1/token",
       v1::Failure::KIND_UNAVAILABLE},
      {federation({{"file", bad}}), "exchange of the subject token failed", v1::Failure::KIND_UPSTREAM_AUTH},
      {federation({{"file", empty}}), "reading the subject token failed: it is empty", v1::Failure::KIND_UPSTREAM_AUTH},
      {federation({{"file", "/nowhere"}}), "the file /nowhere cannot be read", v1::Failure::KIND_UPSTREAM_AUTH},
      {federation({{"url", simulator_.url() + "/none"}}), "/none answered 404", v1::Failure::KIND_UPSTREAM_AUTH},
  };
  for (const auto& [credentials, text, kind] : cases) {
    gcp::TokenSource source = tokens(credentials);
    const auto token = shard_.run(source.token());
    ASSERT_FALSE(token.ok()) << text;
    const v1::Failure failure = failure_of(token.status());
    EXPECT_THAT(failure.message(), HasSubstr(text));
    EXPECT_EQ(failure.kind(), kind) << text;
    EXPECT_EQ(failure.upstream(), "up");
    EXPECT_THAT(failure.DebugString(), Not(HasSubstr("stolen-token")));
  }
}

// A step of the exchange that goes wrong on Google's side.
TEST_F(Vertex, ATokenServiceThatFailsIsNoMatterOfTheCredentials) {
  for (const json& step : std::vector<json>{{{"status", 503}, {"body", "<html>"}},
                                            {{"status", 200}, {"body", "[]"}},
                                            {{"status", 200}, {"body", json::object()}},
                                            {{"status", 200}, {"body", {{"access_token", ""}}}},
                                            {{"break", {{"how", "reset"}, {"before_head", true}}}}}) {
    simulator_.reset();
    simulator_.script(step);
    gcp::TokenSource source = tokens(account());
    EXPECT_FALSE(shard_.run(source.token()).ok()) << step;
    // And the next one asks again.
    EXPECT_TRUE(shard_.run(source.token()).ok()) << step;
  }
}

TEST_F(Vertex, ATokenIsReplacedBeforeItExpires) {
  auto now = SteadyClock::now();
  gcp::TokenSource::Options options;
  options.now = [&now] { return now; };
  gcp::TokenSource source = tokens(account(), options);
  const auto get = [&] { return shard_.run(source.token()).value().number; };
  const auto fetched = [&](long times) {
    return testing::wait_until([&] {
      shard_.context.restart();
      shard_.context.poll();
      return count("/token") == times;
    });
  };
  EXPECT_EQ(get(), 1u);
  now += std::chrono::seconds(3299);
  EXPECT_EQ(get(), 1u);
  EXPECT_EQ(count("/token"), 1);
  // Due: this one goes on with the old token, the next has the new one.
  now += std::chrono::seconds(2);
  EXPECT_EQ(get(), 1u);
  ASSERT_TRUE(fetched(2));
  EXPECT_TRUE(testing::wait_until([&] { return get() == 2; }));
  // Google away: the old token serves until its end, and is asked for again only after a pause.
  simulator_.script({{"match", {{"path", "/token"}}}, {"repeat", 2}, {"status", 500}, {"body", "oh"}});
  now += std::chrono::seconds(3301);
  EXPECT_EQ(get(), 2u);
  ASSERT_TRUE(fetched(3));
  EXPECT_TRUE(testing::wait_until([&] {
    now += std::chrono::seconds(6);
    return get() == 2 && count("/token") == 4;
  }));
  // Expired: now it is waited for.
  now += std::chrono::seconds(3600);
  EXPECT_TRUE(testing::wait_until([&] { return shard_.run(source.token()).ok(); }));
  EXPECT_EQ(get(), 3u);
}

TEST_F(Vertex, WhoeverGivesUpLeavesTheTokenToTheOthers) {
  simulator_.script({{"match", {{"path", "/token"}}}, {"first_byte_delay_ms", 50}});
  gcp::TokenSource source = tokens(account());
  asio::cancellation_signal signal;
  bool cancelled = false;
  bool done = false;
  asio::co_spawn(shard_.context, source.token(),
                 asio::bind_cancellation_slot(
                     signal.slot(), [&](std::exception_ptr thrown, const absl::StatusOr<gcp::TokenSource::Token>&) {
                       cancelled = thrown != nullptr;
                     }));
  asio::co_spawn(shard_.context, source.token(),
                 [&](std::exception_ptr, const absl::StatusOr<gcp::TokenSource::Token>& token) {
                   EXPECT_TRUE(token.ok());
                   done = true;
                 });
  asio::post(shard_.context, [&] { signal.emit(asio::cancellation_type::terminal); });
  shard_.run_until(done);
  EXPECT_TRUE(cancelled);
  EXPECT_EQ(count("/token"), 1);
}

// Of the Messages API, over any route.
TEST_F(Vertex, ARefusedBetaFlagIsLeftOutFromThenOn) {
  UpstreamUnderTest direct(simulator_.url());
  direct.request.set_body(
      R"({"model":"claude","max_tokens":5,"stream":true,"messages":[{"role":"user","content":"h"}]})");
  add_header(direct.request, "anthropic-beta", "good-1, bad-1");
  add_header(direct.request, "anthropic-beta", "bad-1");
  simulator_.script({{"status", 400}, {"message", "Unexpected value(s) `bad-1` for the `anthropic-beta` header."}});
  ASSERT_TRUE(direct.send().ok());
  ASSERT_TRUE(direct.send().ok());
  std::vector<std::string> flags;
  for (const auto& entry : simulator_.requests()) {
    std::string line;
    for (const auto& header : entry.at("headers"))
      if (header.at(0) == "anthropic-beta")
        line.append(fmt::format("{};", header.at(1).get<std::string>()));
    flags.push_back(line);
  }
  EXPECT_THAT(flags, ElementsAre("good-1, bad-1;bad-1;", "good-1;", "good-1;"));

  // Refused again without it: no third try.
  simulator_.reset();
  simulator_.script({{"repeat", 0}, {"status", 400}, {"message", "invalid beta flag"}});
  EXPECT_EQ(direct.fail().kind(), v1::Failure::KIND_INVALID_REQUEST);
  EXPECT_EQ(simulator_.requests().size(), 2u);
}

}  // namespace
}  // namespace tollgate::test
