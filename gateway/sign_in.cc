#include "gateway/sign_in.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "gateway/ascii.h"
#include "gateway/json_body.h"
#include "gateway/keys_json.h"
#include "gateway/member_reader.h"
#include "services/common/access/authenticate.h"
#include "services/common/access/credentials.h"
#include "services/common/base/digest.h"
#include "services/common/base/errors.h"

namespace tollgate {
namespace {

using Result = absl::StatusOr<Answer>;

constexpr std::string_view kCookie = "tollgate_session";

// Not bound to Max-Age: the session itself ends when nobody uses it, and with the browser.
std::string set_cookie(std::string_view token, bool secure) {
  std::string line = "set-cookie: ";
  line.append(kCookie).append("=").append(token).append("; Path=/; HttpOnly; SameSite=Strict");
  if (secure)
    line += "; Secure";
  if (token.empty())
    line += "; Max-Age=0";
  return line + "\r\n";
}

Answer signed_in(const v1::Key& key, std::string_view token) {
  Json json;
  json["data"]["key"] = key_object(key);
  json["data"]["management"] = key.management();
  json["data"]["csrf"] = csrf_token(token);
  return json_answer(dump(json));
}

absl::StatusOr<std::string> key_of(const std::string& text) {
  const absl::StatusOr<JsonValue> body = parse_json(text);
  if (!body.ok())
    return body.status();
  MemberReader in(*body, "a sign-in");
  std::string key = in.text("key").value_or("");
  if (in.find("key") == nullptr)
    in.fail("key", "is missing");
  absl::Status valid = in.finish();
  if (!valid.ok())
    return valid;
  // One session does not open another.
  if (key.starts_with(kSessionPrefix))
    return error(v1::Failure::KIND_UNAUTHENTICATED, "This is no API key.");
  return key;
}

Awaitable<Result> sign_in(Keys& keys, SignIns& sign_ins, const SignInCall& call) {
  absl::StatusOr<std::string> api_key = key_of(call.body);
  if (!api_key.ok())
    co_return api_key.status();
  const absl::StatusOr<v1::Key> key = co_await authenticated_key(keys, *std::move(api_key));
  if (!key.ok())
    co_return key.status();
  v1::CreateSignInRequest request;
  request.set_key_hash(key->hash());
  const absl::StatusOr<v1::CreateSignInReply> made = co_await sign_ins.create(request);
  if (!made.ok())
    co_return made.status();
  Answer answer = signed_in(*key, made->token());
  answer.headers += set_cookie(made->token(), call.secure);
  co_return answer;
}

Awaitable<Result> sign_out(SignIns& sign_ins, const SignInCall& call) {
  if (!call.token.empty()) {
    v1::DeleteSignInRequest request;
    request.set_token_hash(sha256_hex(call.token));
    const absl::StatusOr<v1::DeleteSignInReply> removed = co_await sign_ins.remove(request);
    if (!removed.ok())
      co_return removed.status();
  }
  Answer answer = json_answer("{\"data\":{}}");
  answer.headers += set_cookie("", call.secure);
  co_return answer;
}

}  // namespace

std::string_view session_token(const RequestHead& head) {
  // Clients may send several fields, each with several cookies (RFC 6265, 4.2; RFC 9113, 8.2.3).
  for (const HeaderField& field : head.fields) {
    if (!equals_ignoring_case(field.name, "cookie"))
      continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const auto end = rest.find(';');
      const std::string_view pair = trim(rest.substr(0, end));
      const auto equals = pair.find('=');
      if (pair.substr(0, equals) == kCookie && equals != pair.npos &&
          pair.substr(equals + 1).starts_with(kSessionPrefix))
        return pair.substr(equals + 1);
      rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
    }
  }
  return {};
}

std::string csrf_token(std::string_view session_token) {
  return sha256_hex(std::string("csrf:").append(session_token));
}

absl::Status check_origin(Method method, const RequestHead& head) {
  if (method == Method::kGet || method == Method::kHead)
    return absl::OkStatus();
  if (equal_in_constant_time(head.find("x-csrf-token"), csrf_token(session_token(head))))
    return absl::OkStatus();
  return error(
      v1::Failure::KIND_PERMISSION_DENIED,
      "With the dashboard's cookie a change needs the x-csrf-token that /dashboard/session gives. Load the page "
      "again; a program shows a management key instead.");
}

SignInCall sign_in_call(Method method, const RequestHead& head, bool tls) {
  return {.method = method,
          .token = std::string(session_token(head)),
          .secure = tls || equals_ignoring_case(head.find("x-forwarded-proto"), "https"),
          .body = {}};
}

Awaitable<Result> answer_sign_in(Keys& keys, SignIns& sign_ins, const SignInCall& call) {
  if (call.method == Method::kPost)
    co_return co_await sign_in(keys, sign_ins, call);
  if (call.method == Method::kDelete)
    co_return co_await sign_out(sign_ins, call);
  if (call.token.empty())
    co_return error(v1::Failure::KIND_UNAUTHENTICATED, "Not signed in.");
  const absl::StatusOr<v1::Key> key = co_await authenticated_key(keys, call.token);
  if (!key.ok())
    co_return key.status();
  co_return signed_in(*key, call.token);
}

}  // namespace tollgate
