// What the monitoring sees: metrics, access lines, traces; in both forms.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "tests/integration/system/suite.h"
#include "tests/support/metrics/metrics_text.h"

namespace tollgate::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::StartsWith;

// Who costs the same is tried in any order unless one is given.
constexpr const char* kFirstAtU0 = R"("provider":{"order":["u0"]},)";
const std::string kTrace = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string kParent = "00-" + kTrace + "-00f067aa0ba902b7-01";

json settings(bool propagate = false) {
  return {{"telemetry", {{"metrics", "127.0.0.1:0"}, {"propagate_upstream", propagate}}}};
}

// The lines of an event in a process' log.
std::vector<json> lines(Process& process, const std::string& event) {
  std::vector<json> found;
  std::istringstream log(process.standard_error());
  for (std::string line; std::getline(log, line);) {
    const json read = json::parse(line, nullptr, false);
    if (read.is_object() && read.value("event", "") == event)
      found.push_back(read);
  }
  return found;
}

MetricsText scrape(Process& process) {
  HttpExchange exchange(lines(process, "metrics_shown").at(0).at("port").get<std::uint16_t>(),
                        {"GET", "/metrics", {}, ""});
  EXPECT_EQ(exchange.status(), 200u);
  return MetricsText(exchange.body());
}

// Reads the whole answer: a client that leaves before is another matter.
unsigned status_of(HttpExchange exchange) {
  const unsigned status = exchange.status();
  exchange.body();
  return status;
}

class MonitoringTest : public ::testing::TestWithParam<Form> {
 protected:
  // The process that has this part.
  static Process& part(Suite& suite, const std::string& name) {
    return suite.process(GetParam() == Form::kOneProcess ? "tollgate" : name);
  }
  // A client has its answer before all is counted.
  static bool answered(Suite& suite, double requests) {
    return wait_until([&] { return scrape(part(suite, "gateway")).value("tollgate_http_requests_total") == requests; });
  }
  static bool settled(Suite& suite, double requests) {
    return wait_until([&] {
      const MetricsText text = scrape(part(suite, "router"));
      return text.value("tollgate_requests_total") == requests && text.value("tollgate_settlements_pending") == 0;
    });
  }
};

INSTANTIATE_TEST_SUITE_P(, MonitoringTest, ::testing::Values(Form::kOneProcess, Form::kFiveProcesses),
                         [](const auto& form) { return name_of(form.param); });

TEST_P(MonitoringTest, ApisAreToldApart) {
  Suite suite(GetParam(), 2, settings());
  const std::string key = suite.create_key("ci");
  EXPECT_EQ(status_of(suite.message(key, false)), 200u);
  HttpRequest chat = suite.request(key, false);
  chat.target = "/api/v1/chat/completions";
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(status_of(HttpExchange(suite.port(), chat)), 200u);
  ASSERT_TRUE(settled(suite, 3));
  const MetricsText router = scrape(part(suite, "router"));
  EXPECT_EQ(router.value("tollgate_requests_total", {{"api", "messages"}}), 1);
  EXPECT_EQ(router.value("tollgate_requests_total", {{"api", "chat_completions"}}), 2);
}

TEST_P(MonitoringTest, NumbersAreWhatWasSent) {
  Suite suite(GetParam(), 2, settings());
  const std::string key = suite.create_key("ci");
  const std::string poor = suite.create_key("poor", {"--limit", "0.000001"});
  for (bool stream : {false, true, true})
    EXPECT_EQ(status_of(suite.message(key, stream, "", kFirstAtU0)), 200u);
  suite.simulator(0).script({{"status", 429}, {"message", "slow down"}, {"headers", {{"retry-after", "60"}}}});
  EXPECT_EQ(status_of(suite.message(key, false, "", kFirstAtU0)), 200u);
  EXPECT_EQ(status_of(suite.message("sk-tg-v1-" + std::string(64, '0'), true)), 401u);
  EXPECT_EQ(status_of(suite.message(poor, true)), 402u);
  HttpRequest unknown = suite.request(key, false);
  unknown.body = R"({"model":"made/up","max_tokens":1,"messages":[]})";
  EXPECT_EQ(status_of(HttpExchange(suite.port(), unknown)), 404u);
  ASSERT_TRUE(settled(suite, 7));

  const MetricsText router = scrape(part(suite, "router"));
  EXPECT_EQ(router.value("tollgate_requests_total", {{"provider", "u0"}, {"status", "2xx"}}), 3);
  EXPECT_EQ(router.value("tollgate_requests_total", {{"provider", "u1"}, {"status", "2xx"}}), 1);
  EXPECT_EQ(router.value("tollgate_requests_total", {{"model", "test/model"}}), 4);
  EXPECT_EQ(router.value("tollgate_requests_total", {{"model", "none"}, {"status", "4xx"}}), 3);
  EXPECT_EQ(router.value("tollgate_attempts_total", {{"provider", "u0"}, {"kind", "ok"}}), 3);
  EXPECT_EQ(router.value("tollgate_attempts_total", {{"provider", "u0"}, {"kind", "rate_limited"}}), 1);
  EXPECT_EQ(router.value("tollgate_attempts_total"), 5);
  EXPECT_EQ(router.value("tollgate_failovers_total", {{"provider", "u0"}, {"kind", "rate_limited"}}), 1);
  EXPECT_EQ(router.value("tollgate_failovers_total"), 1);
  for (const char* reason : {"authentication_error", "billing_error", "not_found_error"})
    EXPECT_EQ(router.value("tollgate_refusals_total", {{"reason", reason}}), 1) << reason;
  double tokens[2] = {0, 0};
  for (std::size_t i : {0, 1}) {
    const json totals = suite.simulator(i).billed().at("totals");
    tokens[0] += totals.at("input_tokens").get<double>();
    tokens[1] += totals.at("output_tokens").get<double>();
  }
  EXPECT_EQ(router.value("tollgate_tokens_total", {{"type", "input"}}), tokens[0]);
  EXPECT_EQ(router.value("tollgate_tokens_total", {{"type", "output"}}), tokens[1]);
  EXPECT_NEAR(router.value("tollgate_cost_usd_total"), (tokens[0] + 2 * tokens[1]) / 1e6, 1e-12);
  EXPECT_EQ(router.value("tollgate_time_to_first_token_seconds_count"), 4);
  EXPECT_EQ(router.value("tollgate_request_duration_seconds_count"), 4);
  EXPECT_EQ(router.value("tollgate_settlements_total", {{"source", "reported"}}), 4);
  EXPECT_EQ(router.value("tollgate_holds"), 0);
  EXPECT_EQ(router.value("tollgate_held_usd"), 0);
  EXPECT_EQ(router.value("tollgate_endpoint_in_flight"), 0);
  EXPECT_EQ(router.value("tollgate_endpoint_outage", {{"provider", "u0"}, {"upstream", "u0"}}), 1) << "rate limited";
  EXPECT_EQ(router.value("tollgate_endpoint_outage", {{"provider", "u1"}}), 0);
  EXPECT_EQ(router.count("tollgate_endpoint_unreachable"), 2u);

  ASSERT_TRUE(answered(suite, 7));
  const MetricsText gateway = scrape(part(suite, "gateway"));
  for (const auto& [code, count] : {std::pair("200", 4), {"401", 1}, {"402", 1}, {"404", 1}})
    EXPECT_EQ(gateway.value("tollgate_http_requests_total", {{"route", "messages"}, {"code", code}}), count) << code;
  EXPECT_EQ(gateway.value("tollgate_http_request_duration_seconds_count", {{"route", "messages"}}), 7);
  EXPECT_EQ(gateway.value("tollgate_http_requests_in_flight"), 0);
  EXPECT_EQ(gateway.value("tollgate_http_streams"), 0);
  EXPECT_GT(gateway.value("tollgate_http_sent_bytes_total"), 1000);

  ASSERT_TRUE(
      wait_until([&] { return scrape(part(suite, "adapter")).value("tollgate_upstream_requests_in_flight") == 0; }));
  const MetricsText adapter = scrape(part(suite, "adapter"));
  EXPECT_EQ(adapter.value("tollgate_upstream_requests_total", {{"upstream", "u0"}, {"result", "ok"}}), 3);
  EXPECT_EQ(adapter.value("tollgate_upstream_requests_total", {{"upstream", "u0"}, {"result", "rate_limited"}}), 1);
  EXPECT_EQ(adapter.value("tollgate_upstream_requests_total", {{"upstream", "u1"}, {"result", "ok"}}), 1);
  EXPECT_EQ(adapter.value("tollgate_upstream_request_duration_seconds_count"), 5);
  EXPECT_EQ(adapter.value("tollgate_upstream_requests_in_flight"), 0);

  const MetricsText budget = scrape(part(suite, "budget"));
  EXPECT_GE(budget.value("tollgate_redis_commands_total", {{"result", "ok"}}), 10);
  EXPECT_EQ(budget.value("tollgate_redis_commands_total", {{"result", "unavailable"}}), 0);
  EXPECT_EQ(budget.value("tollgate_redis_command_duration_seconds_count"),
            budget.value("tollgate_redis_commands_total"));
  EXPECT_GE(budget.value("tollgate_redis_connections_total"), 1);
}

TEST_P(MonitoringTest, EveryProcessTellsOfItself) {
  Suite suite(GetParam(), 1, settings());
  const std::string key = suite.create_key("ci");
  EXPECT_EQ(status_of(suite.message(key, true)), 200u);
  for (const auto& [name, process] : suite.processes()) {
    const MetricsText text = scrape(*process);
    EXPECT_EQ(text.value("tollgate_build_info", {{"service", name}}), 1) << name;
    EXPECT_GT(text.value("process_resident_memory_bytes"), 1e6) << name;
    EXPECT_GT(text.value("process_open_fds"), 3) << name;
    EXPECT_GT(text.value("process_cpu_seconds_total"), 0) << name;
    if (name == "router" || name == "budget" || name == "adapter") {
      EXPECT_GE(text.value("tollgate_rpc_calls_total", {{"code", "OK"}}), 1) << name;
    }
  }
}

TEST_P(MonitoringTest, WhatIsOpenIsCountedUntilItEnds) {
  Suite suite(GetParam(), 1, settings());
  const std::string key = suite.create_key("ci");
  HttpExchange stream = suite.message(key, true, "events=1000;delay_ms=20");
  ASSERT_TRUE(stream.read_until("content_block_delta"));
  const MetricsText gateway = scrape(part(suite, "gateway"));
  EXPECT_EQ(gateway.value("tollgate_http_connections"), 1);
  EXPECT_EQ(gateway.value("tollgate_http_streams"), 1);
  EXPECT_EQ(gateway.value("tollgate_http_requests_in_flight", {{"route", "messages"}}), 1);
  const MetricsText router = scrape(part(suite, "router"));
  EXPECT_EQ(router.value("tollgate_holds"), 1);
  EXPECT_GT(router.value("tollgate_held_usd"), 0);
  EXPECT_EQ(router.value("tollgate_endpoint_in_flight", {{"model", "test/model"}}), 1);
  EXPECT_EQ(scrape(part(suite, "adapter")).value("tollgate_upstream_requests_in_flight", {{"upstream", "u0"}}), 1);
  if (GetParam() == Form::kFiveProcesses) {
    EXPECT_EQ(router.value("tollgate_rpc_calls_in_flight"), 1);
  }
  stream.close();
  EXPECT_TRUE(wait_until([&] {
    const MetricsText now = scrape(part(suite, "gateway"));
    const MetricsText behind = scrape(part(suite, "router"));
    return now.value("tollgate_http_connections") == 0 && now.value("tollgate_http_streams") == 0 &&
           now.value("tollgate_http_requests_in_flight") == 0 && behind.value("tollgate_holds") == 0 &&
           behind.value("tollgate_held_usd") == 0 && behind.value("tollgate_endpoint_in_flight") == 0 &&
           scrape(part(suite, "adapter")).value("tollgate_upstream_requests_in_flight") == 0;
  }));
  ASSERT_TRUE(settled(suite, 1));
  EXPECT_EQ(scrape(part(suite, "router")).value("tollgate_requests_total", {{"status", "cancelled"}}), 1);
}

TEST_P(MonitoringTest, WhatClientsMakeUpMakesNoSeries) {
  Suite suite(GetParam(), 1, settings());
  const std::string key = suite.create_key("ci");
  const auto hostile = [&](int i) {
    const std::string number = std::to_string(i);
    HttpRequest request = suite.request(key, false);
    request.headers.emplace_back("x-claude-code-session-id", "session-" + number);
    request.headers.emplace_back("x-title", "app-" + number);
    request.body = R"({"model":"hostile\"} 1\n/)" + number + R"(","max_tokens":1,"messages":[]})";
    EXPECT_EQ(status_of(HttpExchange(suite.port(), request)), 404u);
    request.headers[0].second = "Bearer sk-tg-v1-" + number;
    EXPECT_EQ(status_of(HttpExchange(suite.port(), request)), 401u);
    EXPECT_EQ(status_of(HttpExchange(suite.port(), {"GET", "/made/up/" + number, {}, ""})), 404u);
  };
  hostile(0);
  ASSERT_TRUE(settled(suite, 2));
  ASSERT_TRUE(answered(suite, 3));
  std::map<std::string, std::size_t> before;
  for (const auto& [name, process] : suite.processes())
    before[name] = scrape(*process).size();
  for (int i = 1; i <= 50; ++i)
    hostile(i);
  ASSERT_TRUE(settled(suite, 102));
  ASSERT_TRUE(answered(suite, 153));
  for (const auto& [name, process] : suite.processes()) {
    const MetricsText text = scrape(*process);
    EXPECT_EQ(text.size(), before[name]) << name;
    for (const std::string& metric : text.names())
      EXPECT_THAT(text.values(metric, "model"), Not(::testing::Contains(HasSubstr("hostile"))));
  }
  EXPECT_EQ(scrape(part(suite, "router")).value("tollgate_refusals_total", {{"reason", "not_found_error"}}), 51);
}

TEST_P(MonitoringTest, WithRedisAwayItTellsSo) {
  Suite suite(GetParam(), 1, {{"telemetry", {{"metrics", "127.0.0.1:0"}}}, {"redis", {{"command_timeout_ms", 300}}}});
  const std::string key = suite.create_key("ci");
  EXPECT_EQ(status_of(suite.message(key, false)), 200u);
  Process& budget = part(suite, "budget");
  const double connections = scrape(budget).value("tollgate_redis_connections_total");
  suite.redis().kill();
  EXPECT_EQ(status_of(suite.message(key, false)), 503u);
  EXPECT_TRUE(wait_until([&] {
    return scrape(budget).value("tollgate_redis_commands_total", {{"result", "unavailable"}}) > 0;
  }));
  suite.redis().start();
  EXPECT_TRUE(wait_until([&] { return status_of(suite.message(key, false)) == 200; }));
  EXPECT_TRUE(wait_until([&] { return scrape(budget).value("tollgate_redis_connections_total") > connections; }));
}

TEST_P(MonitoringTest, TheAccessLineNamesTheRequest) {
  Suite suite(GetParam(), 1, settings());
  const std::string key = suite.create_key("ci");
  HttpRequest request = suite.request(key, true);
  request.headers.emplace_back("traceparent", kParent);
  HttpExchange served(suite.port(), request);
  served.body();
  HttpExchange refused = suite.message("sk-tg-v1-" + std::string(64, '0'), false);
  refused.body();
  Process& edge = part(suite, "gateway");
  // Lines are written by a thread of their own.
  ASSERT_TRUE(wait_until([&] { return lines(edge, "request").size() == 2; }));
  const json line = lines(edge, "request")[0];
  EXPECT_EQ(line.at("request_id"), served.header("request-id"));
  EXPECT_EQ(line.at("generation_id"), served.header("x-generation-id"));
  EXPECT_EQ(line.at("key_id"), suite.key("ci").at("hash"));
  EXPECT_EQ(line.at("model"), "test/model");
  EXPECT_EQ(line.at("provider"), "u0");
  EXPECT_EQ(line.at("trace_id"), kTrace);
  EXPECT_EQ(line.at("status"), 200);
  EXPECT_GT(line.at("ms").get<double>(), 0);
  const json second = lines(edge, "request")[1];
  EXPECT_EQ(second.at("request_id"), refused.header("request-id"));
  EXPECT_EQ(second.at("status"), 401);
  EXPECT_FALSE(second.contains("model"));
  EXPECT_EQ(second.at("trace_id").get<std::string>().size(), 32u);
  EXPECT_NE(second.at("trace_id"), kTrace);
}

std::string header_in(const json& request, const std::string& wanted) {
  std::string found;
  for (const json& header : request.at("headers")) {
    if (header.at(0) == wanted)
      found.append(found.empty() ? "" : "|").append(header.at(1).get<std::string>());
  }
  return found;
}

TEST_P(MonitoringTest, UpstreamsLearnTheTraceOnlyWhereThatIsWanted) {
  for (bool propagate : {false, true}) {
    Suite suite(GetParam(), 1, settings(propagate));
    const std::string key = suite.create_key("ci");
    HttpRequest request = suite.request(key, false);
    request.headers.emplace_back("Traceparent", kParent);
    request.headers.emplace_back("tracestate", "a=1");
    request.headers.emplace_back("Tracestate", "b=2");
    EXPECT_EQ(status_of(HttpExchange(suite.port(), request)), 200u);
    request = suite.request(key, false);
    request.headers.emplace_back("traceparent", "00-" + kTrace + "-nonsense-01");
    request.headers.emplace_back("tracestate", "a=1");
    EXPECT_EQ(status_of(HttpExchange(suite.port(), request)), 200u);
    const json requests = suite.simulator().requests();
    const std::string good = header_in(requests.at(0), "traceparent");
    const std::string bad = header_in(requests.at(1), "traceparent");
    EXPECT_EQ(header_in(requests.at(1), "tracestate"), "");
    if (!propagate) {
      EXPECT_EQ(good + bad + header_in(requests.at(0), "tracestate"), "");
      continue;
    }
    EXPECT_THAT(good, StartsWith("00-" + kTrace + "-"));
    EXPECT_THAT(good, Not(HasSubstr("00f067aa0ba902b7"))) << "a span of our own";
    EXPECT_EQ(good.size(), kParent.size());
    EXPECT_EQ(header_in(requests.at(0), "tracestate"), "a=1,b=2");
    EXPECT_THAT(bad, Not(HasSubstr(kTrace)));
    EXPECT_EQ(bad.size(), kParent.size());
  }
}

// Names of metrics in a query: what begins as ours do.
std::set<std::string> metrics_in(const std::string& text) {
  std::set<std::string> names;
  const std::string letters = "abcdefghijklmnopqrstuvwxyz0123456789_";
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find_first_not_of(letters, begin), text.size());
    const std::string word = text.substr(begin, end - begin);
    if (word.rfind("tollgate_", 0) == 0 || word.rfind("process_", 0) == 0)
      names.insert(word);
    begin = std::max(end, begin + 1);
  }
  return names;
}

void find_queries(const json& value, std::set<std::string>& names) {
  if (value.is_object()) {
    for (const char* member : {"expr", "query", "definition"}) {
      if (value.contains(member) && value.at(member).is_string())
        names.merge(metrics_in(value.at(member)));
    }
  }
  if (value.is_structured()) {
    for (const json& element : value)
      find_queries(element, names);
  }
}

TEST(Dashboard, ShowsWhatIsThere) {
  std::ifstream file(TOLLGATE_GRAFANA_DASHBOARD);
  const json dashboard = json::parse(file);
  std::set<std::string> shown;
  find_queries(dashboard, shown);
  EXPECT_GT(shown.size(), 20u);

  Suite suite(Form::kOneProcess, 2, settings());
  const std::string key = suite.create_key("ci");
  suite.simulator(0).script({{"status", 529}, {"message", "overloaded"}});
  EXPECT_EQ(status_of(suite.message(key, true, "", kFirstAtU0)), 200u);
  EXPECT_EQ(status_of(suite.message("sk-tg-v1-" + std::string(64, '0'), true)), 401u);
  ASSERT_TRUE(wait_until([&] { return scrape(suite.process("tollgate")).value("tollgate_requests_total") == 2; }));
  const std::set<std::string> exported = scrape(suite.process("tollgate")).names();
  for (const std::string& name : shown)
    EXPECT_EQ(exported.count(name), 1u) << name;
}

TEST(Start, AMetricsAddressThatCannotBeHadStopsIt) {
  Suite suite(Form::kOneProcess, 1, settings());
  int code = -1;
  const std::string said = suite.tollgate({"serve", "--http", "127.0.0.1:0", "--metrics", "192.0.2.1:9464"}, &code);
  EXPECT_EQ(code, 1);
  EXPECT_THAT(said, HasSubstr("telemetry.metrics: cannot listen on 192.0.2.1:9464"));
}

}  // namespace
}  // namespace tollgate::testing
