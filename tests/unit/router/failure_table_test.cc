// Every way in which an upstream fails, through the adapter's classification and the router's cascade. The table of it
// in services/router/README.md is written by this test: TOLLGATE_UPDATE=1 build/release/bin/router_failure_table_test
#include <fmt/format.h>

#include <cstdlib>
#include <sstream>

#include "services/provider_adapter/anthropic/failures.h"
#include "services/provider_adapter/upstream_failure.h"
#include "tests/unit/router/router_testing.h"

namespace tollgate::router {
namespace {

constexpr std::string_view kBegin = "<!-- Written by failure_table_test.cc -->\n";
constexpr std::string_view kEnd = "<!-- end -->\n";

std::string api_error(const std::string& type, const std::string& message) {
  return R"({"type":"error","error":{"type":")" + type + R"(","message":")" + message + R"("},"request_id":"req_1"})";
}

// The failure of a response as the adapter sees it.
Failure response(unsigned status, const std::string& body, const std::string& retry_after = "") {
  boost::beast::http::fields headers;
  headers.set("content-type", body.starts_with("{") ? "application/json" : "text/html");
  if (!retry_after.empty())
    headers.set("retry-after", retry_after);
  return anthropic::failure_of_response("u", status, headers, body, true, std::chrono::system_clock::now());
}

Failure event(const std::string& type, const std::string& message = "no") {
  return anthropic::failure_of_error("u", {type, message, true}, api_error(type, message));
}

struct Case {
  std::string what;
  Failure failure;
  bool after_content = false;
};

std::vector<Case> cases() {
  const auto of_api = [](unsigned status, const std::string& type, const std::string& message,
                         const std::string& retry_after = "") {
    return response(status, api_error(type, message), retry_after);
  };
  Failure busy = upstream_failure(Failure::KIND_OVERLOADED, "u", "all connections are busy");
  busy.set_stage(Failure::STAGE_GATEWAY);
  return {
      {"no connection: DNS, refused, TLS", unreachable_upstream(Failure::KIND_UNAVAILABLE, "u", "refused")},
      {"no connection within `connect_timeout_ms`", unreachable_upstream(Failure::KIND_TIMEOUT, "u", "late")},
      {"all `max_connections` busy", busy},
      {"no answer within `first_byte_timeout_ms`", upstream_failure(Failure::KIND_TIMEOUT, "u", "silent")},
      {"connection breaks, answer malformed, compressed or too long", bad_response("u", "broke")},
      {"302 and other redirects", response(302, "")},
      {"400 `invalid_request_error`", of_api(400, "invalid_request_error", "max_tokens: Field required")},
      {"400 `prompt is too long`", of_api(400, "invalid_request_error", "prompt is too long: 2 tokens > 1 maximum")},
      {"400 `credit balance is too low`", of_api(400, "invalid_request_error", "Your credit balance is too low")},
      {"400 that is none of the API's", response(400, "<html>")},
      {"401 `authentication_error`", of_api(401, "authentication_error", "invalid x-api-key")},
      {"402 `billing_error`", of_api(402, "billing_error", "spent")},
      {"403 `permission_error`", of_api(403, "permission_error", "no")},
      {"403 that is none of the API's", response(403, "<html>")},
      {"404 `not_found_error`", of_api(404, "not_found_error", "model: m")},
      {"408 `timeout_error`", of_api(408, "timeout_error", "late")},
      {"409 `conflict_error`", of_api(409, "conflict_error", "conflict")},
      {"413 `request_too_large`", of_api(413, "request_too_large", "large")},
      {"422", of_api(422, "invalid_request_error", "no")},
      {"429 `rate_limit_error`, `retry-after: 7`", of_api(429, "rate_limit_error", "slow down", "7")},
      {"429 without `retry-after`", of_api(429, "rate_limit_error", "slow down")},
      {"500 `api_error`", of_api(500, "api_error", "internal")},
      {"500 that is none of the API's", response(500, "<html>")},
      {"502, 503", of_api(503, "api_error", "down")},
      {"503 that is none of the API's, `retry-after: 7`", response(503, "<html>", "7")},
      {"504 `timeout_error`", of_api(504, "timeout_error", "late")},
      {"529 `overloaded_error`", of_api(529, "overloaded_error", "Overloaded")},
      {"event `overloaded_error` after a 200", event("overloaded_error")},
      {"event `rate_limit_error` after a 200", event("rate_limit_error")},
      {"event `api_error` after a 200", event("api_error")},
      {"event `timeout_error` after a 200", event("timeout_error")},
      {"event `invalid_request_error` after a 200", event("invalid_request_error")},
      {"event `authentication_error` after a 200", event("authentication_error")},
      {"event of an unknown type after a 200", event("novel_error")},
      {"stream ends before its first content", bad_response("u", "early")},
      {"stream breaks after its first content", bad_response("u", "broke"), true},
      {"stream falls silent after its first content", upstream_failure(Failure::KIND_TIMEOUT, "u", "silent"), true},
  };
}

class FailureTable : public RouterTest {
 protected:
  void begin() {
    // A router lives as long as what runs on its context.
    if (fresh_ != nullptr) {
      healths_.push_back(std::move(fresh_));
      routers_.push_back(std::move(router_));
    }
    fresh_ = std::make_unique<Health>(std::map<std::string, UpstreamBounds>(), [this] { return health_now_; });
    router_ = std::make_unique<Router>(context_, table_, ledger_, keys_, adapter_, *fresh_, DrainOptions(),
                                       SelectionParts{.health = unseen_, .random = in_catalog_order});
    adapter_.sent.clear();
    adapter_.script.clear();
    client_ = Client();
    ledger_.settled.clear();
  }

  static Attempt failing(const Case& each) {
    Attempt attempt;
    attempt.status = to_status(each.failure);
    if (each.after_content)
      attempt.frames = {head(), used(10, 1), committed(), data("half", 5)};
    return attempt;
  }

  std::string next(const Case& each) {
    begin();
    adapter_.script = {failing(each), {{head(), counted(1, 1), committed(), data("kept"), done()}, {}}};
    const absl::Status status = create();
    EXPECT_EQ(ledger_.settled.size(), 1u) << each.what;
    if (adapter_.sent.size() == 1)
      return "no";
    // Whoever moved on is served, and nobody sees or pays what failed.
    EXPECT_TRUE(status.ok()) << each.what;
    EXPECT_EQ(client_.bytes, "kept") << each.what;
    EXPECT_EQ(ledger_.settled.at(0).cost_nano_usd(), 1000 + 2000) << each.what;
    return adapter_.sent.at(1).upstream() == "uz" ? "with a larger context" : "yes";
  }

  // After next(): nobody but x has failed.
  std::string counted_as() const {
    const v1::Endpoint& x = table_->find("m")->endpoints(0);
    const Health::View view = fresh_->view(x);
    EXPECT_EQ(view.in_flight, 0u);
    for (int other : {1, 2})
      EXPECT_EQ(fresh_->view(table_->find("m")->endpoints(other)).failed, 0u);
    if (view.rate_limited > 0)
      return "a rate limit";
    const std::string waits = fresh_->outage(x) ? ", left alone for so long" : "";
    return view.failed > 0 ? "a failure" + waits : "nothing";
  }

  std::string seen(const Case& each) {
    begin();
    adapter_.script.assign(3, failing(each));
    const absl::Status status = create();
    const Failure failure = failure_of(status);
    EXPECT_EQ(ledger_.settled.size(), 1u) << each.what;
    if (each.after_content) {
      EXPECT_EQ(client_.bytes, "half");
      EXPECT_EQ(client_.heads(), 1);
      return fmt::format("what came, then event `error` (`{}`)", failure.error_type());
    }
    EXPECT_EQ(client_.frames.size(), 0u) << each.what;
    EXPECT_EQ(ledger_.settled.at(0).cost_nano_usd(), 0) << each.what;
    std::string text = fmt::format("{} `{}`", failure.http_status(), failure.error_type());
    text += failure.body().empty() ? "" : ", its bytes";
    for (const v1::Header& header : failure.headers()) {
      if (header.name() == "retry-after")
        text += fmt::format(", `retry-after: {}`", header.value());
    }
    return text;
  }

  // With allow_fallbacks: false nobody else is asked, whatever happens.
  void expect_absolute(const Case& each) {
    begin();
    adapter_.script.assign(3, failing(each));
    EXPECT_FALSE(create(request(R"({"model":"m","provider":{"allow_fallbacks":false}})")).ok()) << each.what;
    EXPECT_EQ(adapter_.sent.size(), 1u) << each.what;
  }

  std::unique_ptr<Health> fresh_;
  // Those of the cases before.
  std::vector<std::unique_ptr<Health>> healths_;
  std::vector<std::unique_ptr<Router>> routers_;
};

std::string read(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST_F(FailureTable, IsWhatTheReadmeSays) {
  std::string table =
      "| what the upstream does | next provider | counts against the endpoint | what the client gets if none helps |\n"
      "|---|---|---|---|\n";
  for (const Case& each : cases()) {
    const std::string moves = next(each);
    const std::string counts = counted_as();
    table += fmt::format("| {} | {} | {} | {} |\n", each.what, moves, counts, seen(each));
    expect_absolute(each);
  }
  router_.reset();
  const std::string readme = read(TOLLGATE_ROUTER_README);
  const std::size_t begin = readme.find(kBegin);
  const std::size_t end = readme.find(kEnd);
  ASSERT_NE(begin, readme.npos);
  ASSERT_NE(end, readme.npos);
  const std::size_t at = begin + kBegin.size();
  if (std::getenv("TOLLGATE_UPDATE") != nullptr) {
    std::ofstream(TOLLGATE_ROUTER_README) << readme.substr(0, at) << table << readme.substr(end);
    return;
  }
  EXPECT_EQ(readme.substr(at, end - at), table) << "Run this test with TOLLGATE_UPDATE=1 and look at the difference.";
}

}  // namespace
}  // namespace tollgate::router
