#include "services/provider_adapter/anthropic/failures.h"

#include <gtest/gtest.h>

#include "services/common/base/errors.h"

namespace tollgate::anthropic {
namespace {

using Fields = boost::beast::http::fields;
using Kind = v1::Failure;

const auto kNow = std::chrono::system_clock::from_time_t(1'792'800'000);  // Sat, 24 Oct 2026 00:00:00 GMT

std::string error_json(const std::string& type, const std::string& message) {
  return R"({"type":"error","error":{"type":")" + type + R"(","message":")" + message + R"("},"request_id":"req_1"})";
}

struct Case {
  unsigned status;
  std::string type;
  std::string message;
  FailureKind kind;
  unsigned client_status;
  std::string client_type;
  bool untouched;
};

std::string header(const v1::Failure& failure, std::string_view name) {
  for (const v1::Header& h : failure.headers()) {
    if (h.name() == name)
      return h.value();
  }
  return "";
}

TEST(Failures, OfTheApi) {
  const std::vector<Case> cases = {
      {400, "invalid_request_error", "max_tokens: Field required", Kind::KIND_INVALID_REQUEST, 400,
       "invalid_request_error", true},
      {400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum", Kind::KIND_CONTEXT_LENGTH,
       400, "invalid_request_error", true},
      {400, "invalid_request_error", "input length and `max_tokens` exceed context limit: 1 + 2 > 2",
       Kind::KIND_CONTEXT_LENGTH, 400, "invalid_request_error", true},
      {400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API.",
       Kind::KIND_UPSTREAM_AUTH, 400, "invalid_request_error", true},
      {401, "authentication_error", "invalid x-api-key sk-ant-secret", Kind::KIND_UPSTREAM_AUTH, 502, "api_error",
       false},
      {402, "billing_error", "spend limit of sk-ant-secret", Kind::KIND_UPSTREAM_AUTH, 502, "api_error", false},
      {403, "permission_error", "key sk-ant-secret may not", Kind::KIND_UPSTREAM_AUTH, 502, "api_error", false},
      {404, "not_found_error", "model: x", Kind::KIND_NOT_FOUND, 404, "not_found_error", true},
      {408, "timeout_error", "t", Kind::KIND_TIMEOUT, 408, "timeout_error", true},
      {409, "conflict_error", "c", Kind::KIND_UNAVAILABLE, 409, "conflict_error", true},
      {413, "request_too_large", "l", Kind::KIND_TOO_LARGE, 413, "request_too_large", true},
      {418, "invalid_request_error", "teapot", Kind::KIND_INVALID_REQUEST, 418, "invalid_request_error", true},
      {422, "invalid_request_error", "u", Kind::KIND_INVALID_REQUEST, 422, "invalid_request_error", true},
      {429, "rate_limit_error", "r", Kind::KIND_RATE_LIMITED, 429, "rate_limit_error", true},
      {500, "api_error", "i", Kind::KIND_UNAVAILABLE, 500, "api_error", true},
      {502, "api_error", "b", Kind::KIND_UNAVAILABLE, 502, "api_error", true},
      {503, "api_error", "u", Kind::KIND_UNAVAILABLE, 503, "api_error", true},
      {504, "timeout_error", "t", Kind::KIND_TIMEOUT, 504, "timeout_error", true},
      {529, "overloaded_error", "Overloaded", Kind::KIND_OVERLOADED, 529, "overloaded_error", true},
  };
  for (const Case& c : cases) {
    const std::string body = error_json(c.type, c.message);
    Fields headers;
    headers.set("content-type", "application/json");
    headers.set("request-id", "req_1");
    headers.set("x-should-retry", "true");
    const v1::Failure failure = failure_of_response("up", c.status, headers, body, true, kNow);
    EXPECT_EQ(failure.kind(), c.kind) << c.status << c.message;
    EXPECT_EQ(failure.http_status(), c.client_status) << c.status;
    EXPECT_EQ(failure.error_type(), c.client_type) << c.status;
    EXPECT_EQ(failure.body(), c.untouched ? body : "") << c.status;
    EXPECT_EQ(failure.upstream(), "up");
    EXPECT_EQ(header(failure, "request-id"), "req_1");
    EXPECT_EQ(header(failure, "content-type"), "");
    EXPECT_EQ(header(failure, "x-should-retry"), c.untouched ? "true" : "") << c.status;
    EXPECT_EQ(failure.DebugString().find("sk-ant-secret"), std::string::npos) << c.status;
  }
}

TEST(Failures, NotOfTheApi) {
  struct Other {
    unsigned status;
    std::string content_type;
    std::string body;
    bool complete;
    FailureKind kind;
    unsigned client_status;
    std::string client_type;
    std::string says;
  };
  const std::vector<Other> cases = {
      {500, "text/html", "<html>", true, Kind::KIND_UNAVAILABLE, 500, "api_error", "text/html"},
      {503, "", "", true, Kind::KIND_UNAVAILABLE, 503, "overloaded_error", "no stated type"},
      {529, "application/json", error_json("overloaded_error", "m"), false, Kind::KIND_OVERLOADED, 529,
       "overloaded_error", "application/json"},
      {400, "application/json", R"({"error":{"message":"This model's maximum context length is 1","type":"x"}})", true,
       Kind::KIND_CONTEXT_LENGTH, 400, "invalid_request_error", "maximum context length"},
      {404, "application/json", R"({"detail":"Not Found"})", true, Kind::KIND_NOT_FOUND, 404, "not_found_error", "404"},
      {429, "text/plain", "slow down", true, Kind::KIND_RATE_LIMITED, 429, "rate_limit_error", "text/plain"},
      {403, "text/html", "<html>waf", true, Kind::KIND_UPSTREAM_AUTH, 502, "api_error", "credentials"},
      {302, "text/html", "", true, Kind::KIND_UNAVAILABLE, 502, "api_error", "302"},
      {304, "text/html", "", true, Kind::KIND_UNAVAILABLE, 502, "api_error", "304"},
  };
  for (const Other& c : cases) {
    Fields headers;
    if (!c.content_type.empty())
      headers.set("content-type", c.content_type);
    const v1::Failure failure = failure_of_response("up", c.status, headers, c.body, c.complete, kNow);
    EXPECT_EQ(failure.kind(), c.kind) << c.status;
    EXPECT_EQ(failure.http_status(), c.client_status) << c.status;
    EXPECT_EQ(failure.error_type(), c.client_type) << c.status;
    EXPECT_EQ(failure.body(), "") << c.status;
    EXPECT_NE(failure.message().find(c.says), std::string::npos) << failure.message();
    EXPECT_NE(failure.message().find("up"), std::string::npos) << failure.message();
  }
}

TEST(Failures, Redirect) {
  Fields headers;
  headers.set("location", "https://169.254.169.254/");
  const v1::Failure failure = failure_of_response("up", 307, headers, "", true, kNow);
  EXPECT_EQ(failure.http_status(), 502u);
  EXPECT_NE(failure.message().find("169.254.169.254"), std::string::npos);
}

TEST(Failures, OfErrorEvents) {
  struct Event {
    std::string type;
    FailureKind kind;
    unsigned status;
    bool untouched;
  };
  const std::vector<Event> cases = {
      {"overloaded_error", Kind::KIND_OVERLOADED, 529, true},
      {"rate_limit_error", Kind::KIND_RATE_LIMITED, 429, true},
      {"api_error", Kind::KIND_UNAVAILABLE, 500, true},
      {"timeout_error", Kind::KIND_TIMEOUT, 504, true},
      {"invalid_request_error", Kind::KIND_INVALID_REQUEST, 400, true},
      {"not_found_error", Kind::KIND_NOT_FOUND, 404, true},
      {"request_too_large", Kind::KIND_TOO_LARGE, 413, true},
      {"authentication_error", Kind::KIND_UPSTREAM_AUTH, 502, false},
      {"permission_error", Kind::KIND_UPSTREAM_AUTH, 502, false},
      {"billing_error", Kind::KIND_UPSTREAM_AUTH, 502, false},
      {"novel_error", Kind::KIND_UNAVAILABLE, 500, true},
  };
  for (const Event& c : cases) {
    const std::string json = error_json(c.type, "m");
    const v1::Failure failure = failure_of_error("up", {c.type, "m", true}, json);
    EXPECT_EQ(failure.kind(), c.kind) << c.type;
    EXPECT_EQ(failure.http_status(), c.status) << c.type;
    EXPECT_EQ(failure.body(), c.untouched ? json : "") << c.type;
  }
  EXPECT_EQ(failure_of_error("up", {"", "m", false}, "{}").body(), "");
}

TEST(Failures, RetryAfter) {
  struct Wait {
    std::string name;
    std::string value;
    std::uint64_t ms;
  };
  const std::vector<Wait> cases = {
      {"retry-after", "7", 7000},
      {"retry-after", "0", 0},
      {"retry-after", "1.5", 1500},
      {"retry-after", "-3", 0},
      {"retry-after", "soon", 0},
      {"retry-after", "", 0},
      {"retry-after", "inf", 0},
      {"retry-after", "99999999", 86400000},
      {"retry-after", "Sat, 24 Oct 2026 00:00:30 GMT", 30000},
      {"retry-after", "Fri, 23 Oct 2026 00:00:00 GMT", 0},
      {"retry-after-ms", "250", 250},
      {"retry-after-ms", "250.4", 251},
  };
  for (const Wait& c : cases) {
    Fields headers;
    headers.set(c.name, c.value);
    EXPECT_EQ(retry_after_ms(headers, kNow), c.ms) << c.name << ": " << c.value;
  }
  Fields both;
  both.set("retry-after", "7");
  both.set("retry-after-ms", "20");
  EXPECT_EQ(retry_after_ms(both, kNow), 20u);
}

}  // namespace
}  // namespace tollgate::anthropic
