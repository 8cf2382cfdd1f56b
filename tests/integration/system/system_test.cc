// What a user of the whole may rely on, in both forms: one process and five (four of ours and Redis).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "tests/integration/system/suite.h"

namespace tollgate::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

class SystemTest : public ::testing::TestWithParam<Form> {};

INSTANTIATE_TEST_SUITE_P(, SystemTest, ::testing::Values(Form::kOneProcess, Form::kFiveProcesses),
                         [](const auto& form) { return name_of(form.param); });

// 1 USD per million input tokens, 2 per million output tokens.
double price(const json& totals) {
  return (totals.at("input_tokens").get<double>() + 2 * totals.at("output_tokens").get<double>()) / 1e6;
}

bool settles_at(Suite& suite, const std::string& name, double usd) {
  return wait_until([&] {
    int code = -1;
    const std::string shown = suite.tollgate({"key", "show", name, "--json"}, &code);
    if (code != 0)
      return false;
    const json key = json::parse(shown);
    return std::abs(key.at("usage").get<double>() - usd) < 1e-9 && key.at("held") == 0;
  });
}

TEST_P(SystemTest, ServesAndChargesWhatTheUpstreamBills) {
  Suite suite(GetParam());
  const std::string key = suite.create_key("ci");
  for (bool stream : {false, true, false, true}) {
    HttpExchange exchange = suite.message(key, stream);
    EXPECT_EQ(exchange.status(), 200u);
    EXPECT_THAT(exchange.header("x-generation-id"), ::testing::StartsWith("gen-"));
    EXPECT_THAT(exchange.header("request-id"), ::testing::StartsWith("req_"));
    EXPECT_THAT(exchange.body(), HasSubstr(stream ? "message_stop" : "\"type\":\"message\""));
    EXPECT_TRUE(exchange.complete());
  }
  const json billed = suite.simulator().billed();
  EXPECT_TRUE(settles_at(suite, "ci", price(billed.at("totals")))) << suite.key("ci") << billed;
}

TEST_P(SystemTest, BytesGoThroughUnchanged) {
  Suite suite(GetParam());
  const std::string key = suite.create_key("ci");
  // Unknown members, odd spelling of numbers, escapes and a mid-conversation system message.
  const std::string members =
      R"("x_unknown" : {"b":1.0e+02,"a":"\u00e9\/" , "n":1.10},"context_management":{"edits":[]},"session_id":"s",)";
  HttpExchange exchange = suite.message(key, true, "", members);
  const std::string body = exchange.body();
  const json received = suite.simulator().requests().at(0);
  EXPECT_EQ(received.at("body"),
            R"({"model":"served-by-u0","max_tokens":1000,"stream":true,)"
            R"("x_unknown" : {"b":1.0e+02,"a":"\u00e9\/" , "n":1.10},"context_management":{"edits":[]},)"
            R"("messages":[{"role":"user","content":"hello"}]})");
  // What the client read is what the simulator sends when it is asked directly, ids apart.
  EXPECT_THAT(body, HasSubstr("event: message_start\ndata: {"));
}

TEST_P(SystemTest, TheFirstEventArrivesWhileTheUpstreamIsSilent) {
  Suite suite(GetParam());
  const std::string key = suite.create_key("ci");
  suite.simulator().script({{"sse",
                             {"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{"
                              "\"input_tokens\":3,\"output_tokens\":1}}}\n\n",
                              "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0}\n\n"}},
                            {"break", {{"how", "stall"}, {"after_event", 2}}}});
  HttpExchange exchange = suite.message(key, true);
  EXPECT_TRUE(exchange.read_until("content_block_start"));
  EXPECT_EQ(suite.simulator().stats().at("active"), 1);
  exchange.close();
  EXPECT_TRUE(wait_until([&] { return suite.simulator().stats().at("active") == 0; }));
  EXPECT_TRUE(wait_until([&] { return suite.key("ci").at("held") == 0; }));
}

// From the client's close to the upstream's: through all parts within 100 ms.
TEST_P(SystemTest, AClientThatLeavesStopsTheUpstreamAtOnce) {
  Suite suite(GetParam());
  const std::string key = suite.create_key("ci");
  auto best = std::chrono::milliseconds::max();
  for (int round = 0; round < 5; ++round) {
    HttpExchange exchange = suite.message(key, true, "events=1000;delay_ms=20");
    ASSERT_TRUE(exchange.read_until("content_block_delta"));
    const auto begin = std::chrono::steady_clock::now();
    exchange.close();
    ASSERT_TRUE(wait_until([&] { return suite.simulator().stats().at("active") == 0; }));
    best =
        std::min(best, std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin));
  }
  EXPECT_LE(best.count(), 100);
  EXPECT_TRUE(wait_until([&] { return suite.key("ci").at("held") == 0; }));
  EXPECT_GT(suite.key("ci").at("usage").get<double>(), 0);
}

// 200 MB for a client that stops reading: nobody between it and the upstream hoards them.
TEST_P(SystemTest, AClientThatStopsReadingStopsTheUpstream) {
  Suite suite(GetParam());
  const std::string key = suite.create_key("ci");
  HttpExchange(suite.message(key, true)).body();
  std::map<std::string, std::uint64_t> before;
  for (const auto& [name, process] : suite.processes())
    before[name] = peak_resident_bytes(process->pid());
  HttpExchange exchange = suite.message(key, true, "events=10000;bytes=20000");
  ASSERT_TRUE(exchange.read_bytes(1'000'000));
  // Still open while the client does not read: the upstream cannot be done.
  EXPECT_FALSE(
      wait_until([&] { return suite.simulator().stats().at("active") == 0; }, std::chrono::milliseconds(1000)));
  EXPECT_GT(exchange.body().size(), 200'000'000u);
  EXPECT_THAT(exchange.so_far().substr(exchange.so_far().size() - 1000), HasSubstr("message_stop"));
  EXPECT_TRUE(exchange.complete());
  for (const auto& [name, process] : suite.processes())
    EXPECT_LT(peak_resident_bytes(process->pid()) - before[name], 24u * 1024 * 1024) << name;
}

// Who costs the same is tried in any order unless one is given.
constexpr const char* kFirstAtU0 = R"("provider":{"order":["u0"]},)";

TEST_P(SystemTest, AFailureBeforeContentIsInvisible) {
  Suite suite(GetParam(), 2, {{"upstreams", {{"u0", {{"first_byte_timeout_ms", 300}}}}}});
  const std::string key = suite.create_key("ci");
  const json failures[] = {
      {{"status", 429}, {"message", "slow down"}, {"headers", {{"retry-after", "1"}}}},
      {{"status", 500}, {"message", "oops"}},
      {{"status", 529}, {"message", "overloaded"}},
      {{"status", 401}, {"message", "bad key"}},
      {{"status", 502}, {"body", "<html>bad gateway</html>"}, {"headers", {{"content-type", "text/html"}}}},
      {{"status", 200}, {"body", "<html>login</html>"}, {"headers", {{"content-type", "text/html"}}}},
      {{"no_response", true}},
      {{"break", {{"how", "reset"}, {"before_head", true}}}},
      {{"sse",
        {"event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"x\"}}\n\n"}}},
      {{"break", {{"how", "close"}, {"after_event", 1}}}},
  };
  for (const json& failure : failures) {
    for (bool stream : {true, false}) {
      if (!stream && (failure.contains("sse") || failure.value("/break/after_event"_json_pointer, 0) > 0))
        continue;
      suite.simulator(0).reset();
      suite.simulator(1).reset();
      suite.simulator(0).script(nlohmann::ordered_json(failure));
      HttpExchange exchange = suite.message(key, stream, "", kFirstAtU0);
      EXPECT_EQ(exchange.status(), 200u) << failure << exchange.body();
      EXPECT_THAT(exchange.body(), Not(HasSubstr("error"))) << failure;
      EXPECT_TRUE(exchange.complete()) << failure;
      EXPECT_EQ(suite.simulator(1).requests().size(), 1u) << failure;
      EXPECT_THAT(suite.simulator(1).requests().at(0).at("body").get<std::string>(), HasSubstr("served-by-u1"));
    }
  }
}

TEST_P(SystemTest, WithoutFallbacksTheErrorIsTheUpstreamsOwn) {
  Suite suite(GetParam(), 2);
  const std::string key = suite.create_key("ci");
  const std::string body = R"({"type":"error","error":{"type":"overloaded_error","message":"Überlastet"},"x": 1})";
  suite.simulator(0).script(
      {{"status", 529}, {"body", body}, {"headers", {{"retry-after", "7"}, {"content-type", "application/json"}}}});
  HttpExchange exchange = suite.message(key, true, "", R"("provider":{"order":["u0"],"allow_fallbacks":false},)");
  EXPECT_EQ(exchange.status(), 529u);
  EXPECT_EQ(exchange.body(), body);
  EXPECT_EQ(exchange.header("retry-after"), "7");
  EXPECT_EQ(suite.simulator(1).requests().size(), 0u);
}

TEST_P(SystemTest, ABrokenStreamEndsWithAnErrorEvent) {
  Suite suite(GetParam(), 2);
  const std::string key = suite.create_key("ci");
  suite.simulator(0).script({{"break", {{"how", "reset"}, {"after_event", 4}}}});
  HttpExchange exchange = suite.message(key, true, "events=50;delay_ms=1", kFirstAtU0);
  EXPECT_EQ(exchange.status(), 200u);
  const std::string body = exchange.body();
  EXPECT_THAT(body, HasSubstr("event: error\ndata: {\"type\":\"error\""));
  EXPECT_THAT(body, Not(HasSubstr("message_stop")));
  EXPECT_TRUE(exchange.complete());
  EXPECT_EQ(suite.simulator(1).requests().size(), 0u);
  EXPECT_TRUE(wait_until([&] {
    const json state = suite.key("ci");
    return state.at("held") == 0 && state.at("usage") > 0;
  }));
}

TEST_P(SystemTest, ASpentKeyGets402AndSaysWhy) {
  Suite suite(GetParam());
  // The worst case of one request (about 1,100 + 1,000 tokens at 2 USD) fits, not that of many.
  const std::string key = suite.create_key("small", {"--limit", "0.006", "--reset", "daily"});
  unsigned status = 200;
  for (int i = 0; i < 200 && status == 200; ++i) {
    HttpExchange exchange = suite.message(key, false, "size=400");
    status = exchange.status();
    exchange.body();
    if (status == 200)
      continue;
    EXPECT_EQ(status, 402u);
    if (exchange.header("x-should-retry") == "true") {
      // The request before holds its worst case until it is settled.
      EXPECT_EQ(exchange.header("retry-after"), "5");
      status = 200;
      continue;
    }
    EXPECT_EQ(exchange.header("x-should-retry"), "false");
    EXPECT_THAT(exchange.header("x-generation-id"), ::testing::StartsWith("gen-"));
    const json error = json::parse(exchange.body());
    EXPECT_EQ(error.at("error").at("type"), "billing_error");
    EXPECT_THAT(error.at("error").at("message").get<std::string>(), HasSubstr("$0.006"));
    EXPECT_THAT(error.at("error").at("message").get<std::string>(), HasSubstr("T00:00:00Z"));
  }
  EXPECT_EQ(status, 402u);
  EXPECT_LE(suite.key("small").at("usage").get<double>(), 0.006);
}

TEST_P(SystemTest, TheStatuslineReadsTheKeysSpend) {
  Suite suite(GetParam());
  const std::string key = suite.create_key("ci", {"--limit", "5"});
  HttpExchange(suite.message(key, false)).body();
  const double usd = price(suite.simulator().billed().at("totals"));
  ASSERT_TRUE(settles_at(suite, "ci", usd));
  for (const char* path : {"/api/v1/key", "/api/v1/auth/key", "/v1/auth/key"}) {
    HttpExchange exchange(suite.port(), {"GET", path, {{"authorization", "Bearer " + key}}, ""});
    EXPECT_EQ(exchange.status(), 200u) << path;
    const json data = json::parse(exchange.body()).at("data");
    EXPECT_NEAR(data.at("usage").get<double>(), usd, 1e-9);
    EXPECT_NEAR(data.at("limit_remaining").get<double>(), 5 - usd, 1e-9);
  }
}

TEST_P(SystemTest, AnUnknownOrDisabledKeyGets401AndReachesNoUpstream) {
  Suite suite(GetParam());
  suite.create_key("off");
  const std::string disabled = suite.create_key("disabled");
  suite.tollgate({"key", "disable", "disabled"});
  for (const std::string& key : {std::string("sk-tg-v1-") + std::string(64, '0'), disabled, std::string("x")}) {
    HttpExchange exchange = suite.message(key, true);
    EXPECT_EQ(exchange.status(), 401u);
    EXPECT_EQ(exchange.header("x-should-retry"), "false");
    EXPECT_EQ(json::parse(exchange.body()).at("error").at("type"), "authentication_error");
  }
  EXPECT_EQ(suite.simulator().requests().size(), 0u);
}

TEST_P(SystemTest, WithRedisAwayNobodyIsServedAndNothingIsLost) {
  Suite suite(GetParam(), 1, {{"redis", {{"command_timeout_ms", 300}}}});
  const std::string key = suite.create_key("ci");
  HttpExchange running = suite.message(key, true, "events=400;delay_ms=5");
  ASSERT_TRUE(running.read_until("content_block_delta"));
  suite.redis().kill();
  HttpExchange refused = suite.message(key, false);
  EXPECT_EQ(refused.status(), 503u);
  EXPECT_EQ(json::parse(refused.body()).at("error").at("type"), "overloaded_error");
  // The stream that runs goes on to its end; its settlement waits.
  EXPECT_THAT(running.body(), HasSubstr("message_stop"));
  EXPECT_TRUE(running.complete());
  suite.redis().start();
  EXPECT_TRUE(settles_at(suite, "ci", price(suite.simulator().billed().at("totals")))) << suite.key("ci");
}

TEST_P(SystemTest, SigtermLetsStreamsEnd) {
  Suite suite(GetParam());
  const std::string key = suite.create_key("ci");
  HttpExchange exchange = suite.message(key, true, "events=100;delay_ms=5");
  ASSERT_TRUE(exchange.read_until("content_block_delta"));
  Process& edge = suite.process(GetParam() == Form::kOneProcess ? "tollgate" : "gateway");
  edge.signal(SIGTERM);
  EXPECT_THAT(exchange.body(), HasSubstr("message_stop"));
  EXPECT_TRUE(exchange.complete());
  EXPECT_EQ(edge.wait(), 0);
  EXPECT_TRUE(settles_at(suite, "ci", price(suite.simulator().billed().at("totals")))) << suite.key("ci");
}

TEST_P(SystemTest, NoSecretReachesALog) {
  Suite suite(GetParam(), 1, {{"logging", {{"level", "trace"}}}});
  const std::string key = suite.create_key("ci");
  HttpExchange(suite.message(key, true, "", R"("metadata":{"user_id":"canary-body"},)")).body();
  suite.simulator().script({{"status", 400}, {"message", "canary-error"}});
  HttpExchange(suite.message(key, false)).body();
  for (const auto& [name, process] : suite.processes()) {
    const std::string log = process->standard_error() + process->standard_output();
    for (const std::string& secret : {key, std::string("upstream-secret"), std::string("canary"), std::string("hello")})
      EXPECT_THAT(log, Not(HasSubstr(secret))) << name;
  }
}

TEST_P(SystemTest, CheckTriesEverythingAndSaysWhatIsWrong) {
  Suite suite(GetParam());
  int code = -1;
  EXPECT_THAT(suite.tollgate({"check"}, &code), HasSubstr("ok    upstream u0"));
  EXPECT_EQ(code, 0);
  suite.simulator().process().kill();
  EXPECT_THAT(suite.tollgate({"check"}, &code), HasSubstr("FAIL  upstream u0"));
  EXPECT_EQ(code, 1);
}

// Each of the processes, and Redis, killed in the middle of a stream.
class KillTest : public ::testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(, KillTest, ::testing::Values("gateway", "router", "adapter", "budget", "redis"),
                         [](const auto& victim) { return victim.param; });

TEST_P(KillTest, NoWrongBytesAClearEndAndTheHoldSettled) {
  Suite suite(Form::kFiveProcesses, 1, {{"budget", {{"lease_ms", 600}}}});
  const std::string key = suite.create_key("ci");
  HttpExchange exchange = suite.message(key, true, "events=300;delay_ms=5;bytes=40");
  // 120 events take longer than a third of the lease: what was streamed has been checkpointed once.
  ASSERT_TRUE(exchange.read_bytes(120 * 100));
  if (GetParam() == "redis") {
    suite.redis().kill();
    suite.redis().start();
  } else {
    suite.process(GetParam()).kill();
  }
  const std::string body = exchange.body();
  if (GetParam() == "gateway") {
    // The client's own connection broke: it must not look complete.
    EXPECT_FALSE(exchange.complete());
  } else if (GetParam() == "budget" || GetParam() == "redis") {
    EXPECT_THAT(body, HasSubstr("message_stop"));
    EXPECT_TRUE(exchange.complete());
  } else {
    EXPECT_THAT(body, HasSubstr("event: error\ndata: {\"type\":\"error\""));
    EXPECT_THAT(body, Not(HasSubstr("message_stop")));
    EXPECT_TRUE(exchange.complete());
  }
  // Whole events only, whatever happened.
  if (exchange.complete()) {
    EXPECT_EQ(body.substr(body.size() - 2), "\n\n");
  }
  if (GetParam() != "redis")
    suite.restart(GetParam());
  EXPECT_TRUE(wait_until([&] { return suite.key("ci").at("held") == 0; })) << suite.key("ci");
  EXPECT_GT(suite.key("ci").at("usage").get<double>(), 0);
  // And it serves again.
  EXPECT_TRUE(wait_until([&] {
    HttpExchange again = suite.message(key, false);
    return again.status() == 200;
  }));
}

TEST(ManyStreams, AThousandAtOnceAllComplete) {
  constexpr int kStreams = 1000;
  Suite suite(Form::kOneProcess, 1, {{"limits", {{"connections", 2000}}}});
  const std::string key = suite.create_key("ci");
  HttpExchange(suite.message(key, true)).body();
  const std::uint64_t before = resident_bytes(suite.process("tollgate").pid());
  std::vector<std::unique_ptr<HttpExchange>> streams;
  for (int i = 0; i < kStreams; ++i)
    streams.push_back(std::make_unique<HttpExchange>(suite.port(), suite.request(key, true, "events=4;delay_ms=4000")));
  for (auto& stream : streams)
    ASSERT_EQ(stream->status(), 200u);
  const std::uint64_t during = resident_bytes(suite.process("tollgate").pid());
  RecordProperty("resident_bytes_per_idle_stream", std::to_string((during - before) / kStreams));
  for (auto& stream : streams) {
    EXPECT_THAT(stream->body(), HasSubstr("message_stop"));
    EXPECT_TRUE(stream->complete());
  }
  EXPECT_LT((during - before) / kStreams, 200'000u);
  EXPECT_TRUE(settles_at(suite, "ci", price(suite.simulator().billed().at("totals"))));
}

TEST(Start, AWrongConfigurationStopsItWithTheFieldsName) {
  TemporaryDirectory directory;
  const std::string file = directory.write("tollgate.json", R"({"listen": {"http": "nowhere"}, "upstream": {}})");
  Process process({program("tollgate"), "serve", "--config", file});
  EXPECT_EQ(process.wait(), 2);
  EXPECT_THAT(process.standard_error(), HasSubstr("listen.http: expected host:port"));
  EXPECT_THAT(process.standard_error(), HasSubstr("upstream: is not known here"));
}

}  // namespace
}  // namespace tollgate::testing
