// Vertex AI's addresses, bodies and errors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "services/common/base/errors.h"
#include "services/provider_adapter/http/body.h"
#include "services/provider_adapter/vertex/address.h"
#include "services/provider_adapter/vertex/body.h"
#include "services/provider_adapter/vertex/failures.h"

namespace tollgate::vertex {
namespace {

using anthropic::Call;
using nlohmann::json;
using Kind = v1::Failure;
using ::testing::HasSubstr;

TEST(Address, Hosts) {
  EXPECT_EQ(host_url("us-east5"), "https://us-east5-aiplatform.googleapis.com");
  EXPECT_EQ(host_url("global"), "https://aiplatform.googleapis.com");
  EXPECT_EQ(host_url("us"), "https://aiplatform.us.rep.googleapis.com");
  EXPECT_EQ(host_url("eu"), "https://aiplatform.eu.rep.googleapis.com");
}

TEST(Address, Paths) {
  EXPECT_EQ(path_of(Call::kMessages, "my-project", "us-east5", "claude-sonnet-4-5@20250929", true),
            "/v1/projects/my-project/locations/us-east5/publishers/anthropic/models/"
            "claude-sonnet-4-5@20250929:streamRawPredict");
  EXPECT_EQ(path_of(Call::kMessages, "p", "global", "claude-opus-4-8", false),
            "/v1/projects/p/locations/global/publishers/anthropic/models/claude-opus-4-8:rawPredict");
  EXPECT_EQ(path_of(Call::kCountTokens, "p", "eu", "claude-opus-4-8", false),
            "/v1/projects/p/locations/eu/publishers/anthropic/models/count-tokens:rawPredict");
  // Nothing in a name leaves its segment.
  EXPECT_EQ(path_of(Call::kMessages, "example.com:p", "global", "a;b/../c?d#e f%", false),
            "/v1/projects/example.com%3Ap/locations/global/publishers/anthropic/models/"
            "a%3Bb%2F..%2Fc%3Fd%23e%20f%25:rawPredict");
}

TEST(Address, Versions) {
  EXPECT_EQ(version_of(""), "vertex-2023-10-16");
  EXPECT_EQ(version_of("2023-06-01"), "vertex-2023-10-16");
  EXPECT_EQ(version_of("2026-10-21"), "2026-10-21");
}

// The body that goes out. `edits` are the router's, as (from, to) texts of the body.
std::string sent(Call call, const std::string& body, const std::vector<std::pair<std::string, std::string>>& edits = {},
                 std::string_view profile = "") {
  v1::SendRequest request;
  request.set_body(body);
  for (const auto& [from, to] : edits) {
    v1::Edit& edit = *request.add_edits();
    edit.set_offset(body.find(from));
    edit.set_length(from.size());
    edit.set_replacement(to);
  }
  for (const char* name : {"model", "anthropic_version", "anthropic_beta"}) {
    const std::size_t begin = body.find(fmt::format("\"{}\"", name));
    if (begin == std::string::npos)
      continue;
    v1::Member& member = *request.add_members();
    member.set_name(name);
    member.set_begin(begin);
    member.set_end(body.find('"', body.find('"', body.find(':', begin)) + 1) + 1);
  }
  const auto made = edits_for(call, request, "vertex-2023-10-16", profile);
  if (!made.ok())
    return std::string(made.status().message());
  const auto spliced = upstream::splice(body, *made);
  if (!spliced.ok())
    return std::string(spliced.status().message());
  std::string out;
  for (std::string_view piece : spliced->pieces)
    out += piece;
  EXPECT_EQ(out.size(), spliced->size);
  EXPECT_TRUE(json::accept(out)) << out;
  return out;
}

TEST(Body, TheVersionTakesThePlaceOfTheModel) {
  const std::string version = R"("anthropic_version":"vertex-2023-10-16")";
  EXPECT_EQ(sent(Call::kMessages, R"({"model":"m"})"), fmt::format("{{{}}}", version));
  EXPECT_EQ(sent(Call::kMessages, R"({ "x":1.0e+02, "model" : "m" ,"stream":true})"),
            R"({ "x":1.0e+02, )" + version + R"( ,"stream":true})");
  // Whatever the router changes around it stays changed, the model's value apart.
  const std::string body = R"({"provider":{},"model":"m","session_id":"s","stream":true})";
  EXPECT_EQ(
      sent(Call::kMessages, body, {{R"("provider":{},)", ""}, {R"("m")", R"("served")"}, {R"(,"session_id":"s")", ""}}),
      "{" + version + R"(,"stream":true})");
  EXPECT_EQ(sent(Call::kMessages, body, {{R"("provider":{},)", ""}, {R"(,"session_id":"s")", ""}}),
            "{" + version + R"(,"stream":true})");
  EXPECT_EQ(sent(Call::kMessages, R"({"x":1,"trace":2,"model":"m"})", {{R"(,"trace":2)", ""}, {R"("m")", R"("n")"}}),
            R"({"x":1,)" + version + "}");
  EXPECT_EQ(sent(Call::kMessages, R"({"model":"m"})", {}, "a\"b"), "{" + version + R"(,"user_profile_id":"a\"b"})");
}

TEST(Body, CountingKeepsTheModel) {
  EXPECT_EQ(sent(Call::kCountTokens, R"( {"model":"m","messages":[]})", {{R"("m")", R"("claude@1")"}}),
            R"( {"anthropic_version":"vertex-2023-10-16","model":"claude@1","messages":[]})");
}

TEST(Body, WhatTheApiDoesNotTakeIsRefused) {
  EXPECT_THAT(sent(Call::kMessages, R"({"model":"m","anthropic_version":"x"})"),
              HasSubstr("anthropic_version: Extra inputs are not permitted"));
  EXPECT_THAT(sent(Call::kMessages, R"({"anthropic_beta":"x","model":"m"})"), HasSubstr("header anthropic-beta"));
  EXPECT_THAT(sent(Call::kMessages, R"({})"), HasSubstr("does not say where its model stands"));
}

std::string google(unsigned code, std::string_view status, std::string_view message) {
  return json{{"error", {{"code", code}, {"message", message}, {"status", status}}}}.dump();
}

v1::Failure failure_of(unsigned status, std::string body, bool complete = true) {
  boost::beast::http::fields headers;
  headers.set("content-type", "application/json");
  headers.set("retry-after", "7");
  return failure_of_response("vertex", status, headers, std::move(body), complete, std::chrono::system_clock::now());
}

TEST(Failures, GooglesOwn) {
  struct Case {
    unsigned status;
    std::string name;
    FailureKind kind;
    unsigned client_status;
    std::string client_type;
  };
  const std::vector<Case> cases = {
      {400, "INVALID_ARGUMENT", Kind::KIND_INVALID_REQUEST, 400, "invalid_request_error"},
      {400, "FAILED_PRECONDITION", Kind::KIND_INVALID_REQUEST, 400, "invalid_request_error"},
      {401, "UNAUTHENTICATED", Kind::KIND_UPSTREAM_AUTH, 502, "api_error"},
      {403, "PERMISSION_DENIED", Kind::KIND_UPSTREAM_AUTH, 502, "api_error"},
      {404, "NOT_FOUND", Kind::KIND_UPSTREAM_AUTH, 502, "api_error"},
      {409, "ABORTED", Kind::KIND_UNAVAILABLE, 409, "conflict_error"},
      {429, "RESOURCE_EXHAUSTED", Kind::KIND_RATE_LIMITED, 429, "rate_limit_error"},
      {499, "CANCELLED", Kind::KIND_UNAVAILABLE, 500, "api_error"},
      {500, "INTERNAL", Kind::KIND_UNAVAILABLE, 500, "api_error"},
      {503, "UNAVAILABLE", Kind::KIND_OVERLOADED, 529, "overloaded_error"},
      {504, "DEADLINE_EXCEEDED", Kind::KIND_TIMEOUT, 504, "timeout_error"},
      // The status counts where the name is missing or new.
      {429, "", Kind::KIND_RATE_LIMITED, 429, "rate_limit_error"},
      {503, "SOMETHING_NEW", Kind::KIND_OVERLOADED, 529, "overloaded_error"},
      {418, "SOMETHING_NEW", Kind::KIND_INVALID_REQUEST, 418, "invalid_request_error"},
  };
  for (const Case& c : cases) {
    for (const bool array : {false, true}) {
      const std::string object = google(c.status, c.name, "what happened to project secret-project");
      const v1::Failure failure = failure_of(c.status, array ? fmt::format("[{}\n]", object) : object);
      EXPECT_EQ(failure.kind(), c.kind) << c.status << c.name;
      EXPECT_EQ(failure.http_status(), c.client_status) << c.status << c.name;
      EXPECT_EQ(failure.error_type(), c.client_type) << c.status << c.name;
      EXPECT_EQ(failure.body(), "") << c.status << c.name;
      EXPECT_EQ(failure.upstream(), "vertex");
      EXPECT_EQ(failure.retry_after_ms(), 7000u);
      const bool hidden = c.kind == Kind::KIND_UPSTREAM_AUTH;
      EXPECT_EQ(failure.DebugString().find("secret-project") == std::string::npos, hidden) << c.status << c.name;
    }
  }
}

TEST(Failures, OfTheModelItself) {
  const std::string api =
      R"({"type":"error","error":{"type":"invalid_request_error","message":"max_tokens: Field required"},"request_id":"req_vrtx_1"})";
  for (const std::string& body :
       {api, google(400, "INVALID_ARGUMENT", api), fmt::format("[{}]", google(400, "", api))}) {
    const v1::Failure failure = failure_of(400, body);
    EXPECT_EQ(failure.kind(), Kind::KIND_INVALID_REQUEST) << body;
    EXPECT_EQ(failure.http_status(), 400u);
    EXPECT_EQ(failure.body(), api);
  }
  const std::string overloaded = R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})";
  EXPECT_EQ(failure_of(529, overloaded).kind(), Kind::KIND_OVERLOADED);
  EXPECT_EQ(failure_of(529, overloaded).body(), overloaded);
  // 413, where Anthropic says 400.
  const std::string too_long =
      R"({"type":"error","error":{"type":"invalid_request_error","message":"Prompt is too long"}})";
  for (const std::string& body : {too_long, google(413, "INVALID_ARGUMENT", too_long)}) {
    const v1::Failure failure = failure_of(413, body);
    EXPECT_EQ(failure.kind(), Kind::KIND_CONTEXT_LENGTH);
    EXPECT_EQ(failure.http_status(), 400u);
    EXPECT_EQ(failure.body(), too_long);
  }
}

TEST(Failures, OfNobodyKnown) {
  EXPECT_EQ(failure_of(502, "<html>").kind(), Kind::KIND_UNAVAILABLE);
  EXPECT_EQ(failure_of(503, "").kind(), Kind::KIND_OVERLOADED);
  EXPECT_EQ(failure_of(404, "<html>").kind(), Kind::KIND_NOT_FOUND);
  EXPECT_EQ(failure_of(302, "").kind(), Kind::KIND_UNAVAILABLE);
  for (const char* body : {"[]", "[1]", "[{},{}]", "{\"error\":[]}", "{\"error\":{\"message\":1}}", "null", "\"x\""})
    EXPECT_EQ(failure_of(429, body).kind(), Kind::KIND_RATE_LIMITED) << body;
  EXPECT_EQ(failure_of(429, google(429, "RESOURCE_EXHAUSTED", "quota").substr(0, 20), false).kind(),
            Kind::KIND_RATE_LIMITED);
}

}  // namespace
}  // namespace tollgate::vertex
