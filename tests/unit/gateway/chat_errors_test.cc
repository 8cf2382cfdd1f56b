#include "gateway/openai/chat_errors.h"

#include <gmock/gmock.h>

#include "gateway/response.h"
#include "services/common/base/errors.h"

namespace tollgate::chat {
namespace {

using testing::HasSubstr;

TEST(ChatErrors, EachKindHasItsStatusTypeAndCode) {
  struct Row {
    FailureKind kind;
    unsigned status;
    std::string type;
    std::string code;
  };
  const std::vector<Row> rows = {
      {v1::Failure::KIND_INVALID_REQUEST, 400, "invalid_request_error", "null"},
      {v1::Failure::KIND_UNAUTHENTICATED, 401, "invalid_request_error", "\"invalid_api_key\""},
      {v1::Failure::KIND_PERMISSION_DENIED, 403, "invalid_request_error", "\"permission_denied\""},
      {v1::Failure::KIND_NOT_FOUND, 404, "invalid_request_error", "\"model_not_found\""},
      {v1::Failure::KIND_TOO_LARGE, 413, "invalid_request_error", "\"request_too_large\""},
      {v1::Failure::KIND_BUDGET, 402, "insufficient_quota", "\"insufficient_quota\""},
      {v1::Failure::KIND_RATE_LIMITED, 429, "rate_limit_error", "\"rate_limit_exceeded\""},
      {v1::Failure::KIND_OVERLOADED, 503, "server_error", "\"overloaded\""},
      {v1::Failure::KIND_UNAVAILABLE, 503, "server_error", "\"overloaded\""},
      {v1::Failure::KIND_TIMEOUT, 504, "server_error", "\"timeout\""},
      {v1::Failure::KIND_UPSTREAM_AUTH, 502, "server_error", "null"},
      {v1::Failure::KIND_CONTEXT_LENGTH, 400, "invalid_request_error", "\"context_length_exceeded\""},
      {v1::Failure::KIND_INTERNAL, 500, "server_error", "null"},
  };
  for (const Row& row : rows) {
    v1::Failure failure = make_failure(row.kind, "It is \"so\".");
    failure.set_generation_id("gen-1");
    const Answer answer = failure_answer(failure, Dialect::kChat);
    EXPECT_EQ(answer.status, row.status);
    EXPECT_EQ(answer.body, R"({"error":{"message":"It is \"so\".","type":")" + row.type + R"(","param":null,"code":)" +
                               row.code + "}}");
    EXPECT_THAT(answer.headers, HasSubstr("x-request-id: gen-1\r\n"));
  }
}

TEST(ChatErrors, AnUpstreamsBodyIsNotPassedOn) {
  v1::Failure failure = make_failure(v1::Failure::KIND_RATE_LIMITED, "Slow down.");
  failure.set_body(R"({"type":"error","error":{"type":"rate_limit_error","message":"Slow down."}})");
  EXPECT_EQ(
      failure_answer(failure, Dialect::kChat).body,
      R"({"error":{"message":"Slow down.","type":"rate_limit_error","param":null,"code":"rate_limit_exceeded"}})");
}

TEST(ChatErrors, TheMemberAtFaultIsTheParam) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"n: one answer is given.", "\"n\""},
      {"messages[3].content[0].type: no.", "\"messages[3].content[0].type\""},
      {"max_tokens: 5: too much", "\"max_tokens\""},
      {"prompt is too long: 5 tokens", "null"},
      {"Nothing", "null"},
  };
  for (const auto& [message, param] : rows)
    EXPECT_THAT(chat_error_json(make_failure(v1::Failure::KIND_INVALID_REQUEST, message)),
                HasSubstr("\"param\":" + param));
}

}  // namespace
}  // namespace tollgate::chat
