// The sessions of the dashboard: a cookie that stands for a key, so that the page never holds one.
//
//   POST   /dashboard/session {"key": "sk-tg-v1-..."}   signs in
//   GET    /dashboard/session                           who is signed in
//   DELETE /dashboard/session                           signs out
//
// The first two answer {"data": {"key": ..., "management": ..., "csrf": ...}}. The cookie cannot be read by scripts and
// is sent by no other site; what changes something shows the csrf token, too, as `x-csrf-token`.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "gateway/framing_guard.h"
#include "gateway/request_head.h"
#include "gateway/response.h"
#include "services/common/api/keys.h"
#include "services/common/api/sign_ins.h"

namespace tollgate {

// No request that means something is larger.
inline constexpr std::uint64_t kSignInBodyBytes = 4 * 1024;

// The token of the request's session cookie; empty without one. Pure.
std::string_view session_token(const RequestHead& head);

// What a page that knows the session shows, and no other can: follows from the token, so that any gateway knows it.
std::string csrf_token(std::string_view session_token);

// Whether a request with a session's cookie comes from the page itself: PERMISSION_DENIED when it does not. Reading
// changes nothing and is allowed. Pure.
absl::Status check_origin(Method method, const RequestHead& head);

struct SignInCall {
  Method method = Method::kGet;
  // Of the cookie.
  std::string token;
  // The cookie may go over TLS only.
  bool secure = false;
  std::string body;
};

SignInCall sign_in_call(Method method, const RequestHead& head, bool tls);

// UNAUTHENTICATED without a session or with a key that does not work.
Awaitable<absl::StatusOr<Answer>> answer_sign_in(Keys& keys, SignIns& sign_ins, const SignInCall& call);

}  // namespace tollgate
