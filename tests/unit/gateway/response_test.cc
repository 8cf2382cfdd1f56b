#include "gateway/response.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/common/base/errors.h"

namespace tollgate {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

v1::Failure failure(FailureKind kind, std::string message) {
  v1::Failure made = make_failure(kind, std::move(message));
  made.set_generation_id("gen-1-abc");
  return made;
}

TEST(Response, Head) {
  const Answer answer{.status = 200, .headers = "content-type: a/b\r\n", .body = "hello"};
  EXPECT_THAT(head_of(answer, false), MatchesRegex("HTTP/1.1 200 OK\r\ndate: [A-Z][a-z]+, [0-9]+ [A-Z][a-z]+ [0-9]+ "
                                                   "[0-9:]+ GMT\r\ncontent-type: a/b\r\ncontent-length: 5\r\n\r\n"));
  EXPECT_THAT(head_of(answer, true), HasSubstr("\r\nconnection: close\r\n\r\n"));
  EXPECT_THAT(head_of({.status = 529, .headers = {}, .body = {}}, false), HasSubstr("HTTP/1.1 529 Overloaded\r\n"));
  EXPECT_THAT(head_of({.status = 204, .headers = {}, .body = {}}, false), Not(HasSubstr("content-length")));
}

TEST(Response, OwnFailureInBothDialects) {
  const v1::Failure spent = failure(v1::Failure::KIND_BUDGET, "spent");
  const Answer messages = failure_answer(spent, Dialect::kMessages);
  EXPECT_EQ(messages.status, 402u);
  EXPECT_EQ(messages.headers,
            "x-should-retry: false\r\ncontent-type: application/json\r\nrequest-id: gen-1-abc\r\n"
            "x-generation-id: gen-1-abc\r\n");
  EXPECT_EQ(messages.body,
            R"({"type":"error","error":{"type":"billing_error","message":"spent"},"request_id":"gen-1-abc"})");
  EXPECT_EQ(failure_answer(spent, Dialect::kAccount).body, R"({"error":{"code":402,"message":"spent"}})");
}

TEST(Response, UpstreamFailureWordForWord) {
  v1::Failure upstream = failure(v1::Failure::KIND_INVALID_REQUEST, "summary");
  upstream.set_body(
      "{ \"type\":\"error\", \"error\":{\"message\":\"prompt is too long: 210000 tokens > 200000 maximum\"} }");
  add_header(upstream, "request-id", "req_upstream");
  add_header(upstream, "Content-Type", "application/json; charset=utf-8");
  add_header(upstream, "retry-after", "7");
  const Answer answer = failure_answer(upstream, Dialect::kMessages);
  EXPECT_EQ(answer.body, upstream.body());
  EXPECT_EQ(answer.headers,
            "request-id: req_upstream\r\nContent-Type: application/json; charset=utf-8\r\nretry-after: 7\r\n"
            "x-generation-id: gen-1-abc\r\n");
}

TEST(Response, OwnBodyHasItsOwnType) {
  v1::Failure html = failure(v1::Failure::KIND_UNAVAILABLE, "a proxy's page");
  add_header(html, "Content-Type", "text/html");
  add_header(html, "content-encoding", "gzip");
  const Answer answer = failure_answer(html, Dialect::kMessages);
  EXPECT_THAT(answer.headers, HasSubstr("content-type: application/json\r\n"));
  EXPECT_THAT(answer.headers, Not(HasSubstr("text/html")));
  EXPECT_THAT(answer.headers, Not(HasSubstr("gzip")));
}

TEST(Response, AFailureIsNeverASuccess) {
  v1::Failure odd = failure(v1::Failure::KIND_INTERNAL, "odd");
  for (unsigned status : {0u, 200u, 302u, 399u, 600u, 99999u}) {
    odd.set_http_status(status);
    EXPECT_EQ(failure_answer(odd, Dialect::kMessages).status, 500u);
  }
}

}  // namespace
}  // namespace tollgate
