#include "services/common/base/errors.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "google/rpc/error_details.pb.h"

namespace tollgate {
namespace {

using v1::Failure;

TEST(Errors, EveryKindHasItsStatusTypeAndCode) {
  const struct {
    FailureKind kind;
    unsigned status;
    const char* type;
    absl::StatusCode code;
    bool final;
  } cases[] = {
      {Failure::KIND_INVALID_REQUEST, 400, "invalid_request_error", absl::StatusCode::kInvalidArgument, false},
      {Failure::KIND_UNAUTHENTICATED, 401, "authentication_error", absl::StatusCode::kUnauthenticated, true},
      {Failure::KIND_BUDGET, 402, "billing_error", absl::StatusCode::kFailedPrecondition, true},
      {Failure::KIND_PERMISSION_DENIED, 403, "permission_error", absl::StatusCode::kPermissionDenied, true},
      {Failure::KIND_NOT_FOUND, 404, "not_found_error", absl::StatusCode::kNotFound, false},
      {Failure::KIND_TOO_LARGE, 413, "request_too_large", absl::StatusCode::kOutOfRange, false},
      {Failure::KIND_RATE_LIMITED, 429, "rate_limit_error", absl::StatusCode::kResourceExhausted, false},
      {Failure::KIND_INTERNAL, 500, "api_error", absl::StatusCode::kInternal, false},
      {Failure::KIND_UPSTREAM_AUTH, 502, "api_error", absl::StatusCode::kInternal, false},
      {Failure::KIND_UNAVAILABLE, 503, "overloaded_error", absl::StatusCode::kUnavailable, false},
      {Failure::KIND_TIMEOUT, 504, "timeout_error", absl::StatusCode::kDeadlineExceeded, false},
      {Failure::KIND_OVERLOADED, 529, "overloaded_error", absl::StatusCode::kUnavailable, false},
  };
  for (const auto& expected : cases) {
    const absl::Status status = error(expected.kind, "why");
    EXPECT_EQ(status.code(), expected.code) << expected.type;
    const Failure failure = failure_of(status);
    EXPECT_EQ(failure.http_status(), expected.status);
    EXPECT_EQ(failure.error_type(), expected.type);
    EXPECT_EQ(failure.message(), "why");
    EXPECT_EQ(failure.headers_size() == 1 && failure.headers(0).name() == "x-should-retry", expected.final)
        << expected.type;
  }
}

TEST(Errors, AStatusCarriesTheWholeFailureAndErrorInfo) {
  Failure failure = make_failure(Failure::KIND_OVERLOADED, "busy");
  failure.set_body(std::string("{\"a\":\"\0\xff\"}", 10));
  failure.set_generation_id("gen-1");
  const absl::Status status = to_status(failure);
  EXPECT_EQ(failure_of(status).SerializeAsString(), failure.SerializeAsString());
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(info.ParseFromString(std::string(*status.GetPayload("type.googleapis.com/google.rpc.ErrorInfo"))));
  EXPECT_EQ(info.reason(), "OVERLOADED");
  EXPECT_EQ(info.domain(), "tollgate");
  EXPECT_EQ(info.metadata().at("http_status"), "529");
  EXPECT_EQ(info.metadata().at("generation_id"), "gen-1");
}

TEST(Errors, AStatusWithoutFailureIsDescribedByItsCode) {
  EXPECT_EQ(failure_of(absl::UnavailableError("socket closed")).http_status(), 503u);
  EXPECT_EQ(failure_of(absl::DeadlineExceededError("")).http_status(), 504u);
  EXPECT_EQ(failure_of(absl::UnknownError("secret detail")).message().find("secret"), std::string::npos);
}

TEST(Errors, RendersBothDialects) {
  const Failure failure = make_failure(Failure::KIND_BUDGET, "spent \"all\"\n\xff");
  const auto messages = nlohmann::json::parse(messages_error_json(failure, "gen-1"));
  EXPECT_EQ(messages["type"], "error");
  EXPECT_EQ(messages["error"]["type"], "billing_error");
  EXPECT_EQ(messages["request_id"], "gen-1");
  EXPECT_TRUE(nlohmann::json::parse(messages_error_json(failure, ""))["request_id"].is_null());
  const auto account = nlohmann::json::parse(account_error_json(failure));
  EXPECT_EQ(account["error"]["code"], 402);
  EXPECT_EQ(error_event(failure, "gen-1").rfind("event: error\ndata: {\"type\":\"error\"", 0), 0u);
  EXPECT_EQ(error_event(failure, "gen-1").substr(error_event(failure, "gen-1").size() - 2), "\n\n");
}

TEST(Errors, AMessageIsUtf8WhateverAClientHasSent) {
  for (const auto& [sent, shown] :
       std::initializer_list<std::pair<const char*, const char*>>{{"plain", "plain"},
                                                                  {"M\xc3\xa4rz \"a\" \\", "M\xc3\xa4rz \"a\" \\"},
                                                                  {"a\xff"
                                                                   "b",
                                                                   "a\xef\xbf\xbd"
                                                                   "b"}}) {
    const v1::Failure failure = make_failure(v1::Failure::KIND_INVALID_REQUEST, sent);
    EXPECT_EQ(failure.message(), shown);
    EXPECT_EQ(failure_of(to_status(failure)).http_status(), 400u);
  }
}

}  // namespace
}  // namespace tollgate
