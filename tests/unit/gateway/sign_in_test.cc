#include "gateway/sign_in.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "services/common/base/digest.h"
#include "services/common/base/errors.h"

namespace tollgate {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kToken = "sk-tg-session-" + std::string(64, 'a');

RequestHead head_with(std::vector<HeaderField> fields) {
  return {.target = "/dashboard/session", .fields = std::move(fields)};
}

TEST(SignIn, FindsItsCookieAmongOthers) {
  const std::string own = "tollgate_session=" + kToken;
  for (const std::string& cookie : {own, "a=b; " + own, own + ";x=y", "tollgate_session=; " + own, "  " + own + " ",
                                    "tollgate_session=stale; " + own, ";;" + own})
    EXPECT_EQ(session_token(head_with({{"Cookie", cookie}})), kToken) << cookie;
  EXPECT_EQ(session_token(head_with({{"cookie", "a=b"}, {"cookie", own}})), kToken);
  for (const std::string& cookie :
       {std::string(), "x" + own, "tollgate_session2=" + kToken, std::string("tollgate_session"),
        std::string("tollgate_session=sk-tg-v1-abc"), std::string(";=;")})
    EXPECT_EQ(session_token(head_with({{"cookie", cookie}})), "") << cookie;
  EXPECT_EQ(session_token(head_with({{"x-cookie", own}})), "");
}

TEST(SignIn, ChangesNeedWhatOnlyThePageKnows) {
  const std::string cookie = "tollgate_session=" + kToken;
  const std::string csrf = csrf_token(kToken);
  EXPECT_EQ(csrf.size(), 64u);
  // It opens no session by itself.
  EXPECT_EQ(kToken.find(csrf), std::string::npos);
  EXPECT_NE(csrf, sha256_hex(kToken));
  for (const Method method : {Method::kGet, Method::kHead})
    EXPECT_TRUE(check_origin(method, head_with({{"cookie", cookie}})).ok());
  for (const Method method : {Method::kPost, Method::kPatch, Method::kDelete}) {
    EXPECT_TRUE(check_origin(method, head_with({{"cookie", cookie}, {"x-csrf-token", csrf}})).ok());
    EXPECT_TRUE(absl::IsPermissionDenied(check_origin(method, head_with({{"cookie", cookie}}))));
    EXPECT_TRUE(absl::IsPermissionDenied(check_origin(method, head_with({{"cookie", cookie}, {"x-csrf-token", ""}}))));
    const std::string other = csrf_token(kToken + "b");
    EXPECT_TRUE(
        absl::IsPermissionDenied(check_origin(method, head_with({{"cookie", cookie}, {"x-csrf-token", other}}))));
  }
}

TEST(SignIn, SecureWhereTheWayIs) {
  EXPECT_FALSE(sign_in_call(Method::kPost, head_with({}), false).secure);
  EXPECT_TRUE(sign_in_call(Method::kPost, head_with({}), true).secure);
  EXPECT_TRUE(sign_in_call(Method::kPost, head_with({{"x-forwarded-proto", "https"}}), false).secure);
  EXPECT_FALSE(sign_in_call(Method::kPost, head_with({{"x-forwarded-proto", "http"}}), false).secure);
}

// One key, sk-tg-v1-good, and the session that stands for it.
struct OneKey : Keys {
  Awaitable<absl::StatusOr<v1::Key>> get(const v1::GetKeyRequest& request) override {
    v1::Key key;
    key.set_hash(sha256_hex("sk-tg-v1-good"));
    key.set_disabled(disabled);
    if (request.hash() == key.hash() || request.session() == sha256_hex(kToken))
      co_return key;
    co_return error(v1::Failure::KIND_NOT_FOUND, "no such key");
  }
  Awaitable<absl::StatusOr<v1::CreateKeyReply>> create(const v1::CreateKeyRequest&) override {
    co_return absl::UnimplementedError("");
  }
  Awaitable<absl::StatusOr<v1::ListKeysReply>> list(const v1::ListKeysRequest&) override {
    co_return absl::UnimplementedError("");
  }
  Awaitable<absl::StatusOr<v1::Key>> update(const v1::UpdateKeyRequest&) override {
    co_return absl::UnimplementedError("");
  }
  Awaitable<absl::StatusOr<v1::DeleteKeyReply>> remove(const v1::DeleteKeyRequest&) override {
    co_return absl::UnimplementedError("");
  }
  bool disabled = false;
};

struct Sessions : SignIns {
  Awaitable<absl::StatusOr<v1::CreateSignInReply>> create(const v1::CreateSignInRequest& request) override {
    EXPECT_EQ(request.key_hash(), sha256_hex("sk-tg-v1-good"));
    v1::CreateSignInReply reply;
    reply.set_token(kToken);
    ++made;
    co_return reply;
  }
  Awaitable<absl::StatusOr<v1::DeleteSignInReply>> remove(const v1::DeleteSignInRequest& request) override {
    removed = request.token_hash();
    co_return v1::DeleteSignInReply();
  }
  int made = 0;
  std::string removed;
};

class SignInCalls : public testing::Test {
 protected:
  absl::StatusOr<Answer> run(const SignInCall& call) {
    asio::io_context context;
    absl::StatusOr<Answer> result = absl::UnknownError("did not finish");
    asio::co_spawn(context, answer_sign_in(keys_, sessions_, call),
                   [&](std::exception_ptr, absl::StatusOr<Answer> answer) { result = std::move(answer); });
    context.run();
    return result;
  }
  absl::StatusOr<Answer> post(std::string body, bool secure = false) {
    return run({.method = Method::kPost, .token = {}, .secure = secure, .body = std::move(body)});
  }

  OneKey keys_;
  Sessions sessions_;
};

TEST_F(SignInCalls, AKeyBecomesACookie) {
  const auto answer = post(R"({"key":"sk-tg-v1-good"})");
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_THAT(answer->headers,
              HasSubstr("set-cookie: tollgate_session=" + kToken + "; Path=/; HttpOnly; SameSite=Strict\r\n"));
  EXPECT_THAT(answer->body, HasSubstr("\"csrf\":\"" + csrf_token(kToken) + "\""));
  EXPECT_THAT(answer->body, Not(HasSubstr("sk-tg-v1-good")));
  EXPECT_THAT(answer->body, Not(HasSubstr(kToken)));
  EXPECT_THAT(post(R"({"key":"sk-tg-v1-good"})", true)->headers, HasSubstr("SameSite=Strict; Secure\r\n"));
}

TEST_F(SignInCalls, NothingElseDoes) {
  EXPECT_TRUE(absl::IsUnauthenticated(post(R"({"key":"sk-tg-v1-bad"})").status()));
  EXPECT_TRUE(absl::IsUnauthenticated(post("{\"key\":\"" + kToken + "\"}").status()));
  for (const char* body :
       {"", "{}", "[]", R"({"key":""})", R"({"key":7})", R"({"key":"a","more":1})", R"({"key":"a","key":"b"})"})
    EXPECT_TRUE(absl::IsInvalidArgument(post(body).status())) << body << post(body).status();
  keys_.disabled = true;
  EXPECT_TRUE(absl::IsUnauthenticated(post(R"({"key":"sk-tg-v1-good"})").status()));
  EXPECT_EQ(sessions_.made, 0);
}

TEST_F(SignInCalls, SaysWhoIsSignedIn) {
  EXPECT_TRUE(run({.method = Method::kGet, .token = kToken, .secure = false, .body = {}}).ok());
  EXPECT_TRUE(
      absl::IsUnauthenticated(run({.method = Method::kGet, .token = {}, .secure = false, .body = {}}).status()));
  const auto unknown = run({.method = Method::kGet, .token = kToken + "b", .secure = false, .body = {}});
  EXPECT_TRUE(absl::IsUnauthenticated(unknown.status()));
  EXPECT_THAT(std::string(unknown.status().message()), HasSubstr("Sign in again"));
  keys_.disabled = true;
  EXPECT_TRUE(
      absl::IsUnauthenticated(run({.method = Method::kGet, .token = kToken, .secure = false, .body = {}}).status()));
}

TEST_F(SignInCalls, SigningOutForgetsTheSession) {
  const auto answer = run({.method = Method::kDelete, .token = kToken, .secure = false, .body = {}});
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(sessions_.removed, sha256_hex(kToken));
  EXPECT_THAT(answer->headers, HasSubstr("set-cookie: tollgate_session=; "));
  EXPECT_THAT(answer->headers, HasSubstr("Max-Age=0"));
}

}  // namespace
}  // namespace tollgate
