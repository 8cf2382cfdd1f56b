// AWS Signature Version 4 in the Authorization header, as all services but S3 have it. Sees no sockets.
// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tollgate::aws {

struct Credentials {
  std::string access_key_id;
  std::string secret_access_key;
  // Empty for long-lived credentials.
  std::string session_token;
};

struct Scope {
  std::string region;
  std::string service;
};

// A request as it will stand on the wire.
struct Signable {
  std::string_view method;
  // Encoded as it is sent. It is encoded once more for the signature: "%3A" counts as "%253A", ":" as "%3A".
  std::string_view path;
  // As it is sent, without the question mark.
  std::string_view query;
  // All that are to be signed, in any case and order; `host` among them. x-amz-date, and x-amz-security-token where
  // the credentials have one, are added.
  std::vector<std::pair<std::string, std::string>> headers;
  // Lower-case hex.
  std::string payload_sha256;
};

// The headers to add to the request.
struct Signature {
  std::string authorization;
  std::string amz_date;
  // Empty: none.
  std::string security_token;
};

Signature sign(const Signable& request, const Credentials& credentials, const Scope& scope,
               std::chrono::system_clock::time_point now);

// The steps of sign(), for tests. `request.headers` holds x-amz-date and x-amz-security-token already.
std::string canonical_request(const Signable& request);
std::string string_to_sign(const std::string& canonical, const Scope& scope, std::string_view amz_date);

// 20260102T030405Z
std::string amz_date(std::chrono::system_clock::time_point time);

// Each byte but A-Z a-z 0-9 - . _ ~ and those in `kept` as %XX.
std::string percent_encoded(std::string_view text, std::string_view kept = "");

}  // namespace tollgate::aws
