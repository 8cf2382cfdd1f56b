// Signed assertions of a service account (RFC 7515, RS256), by OpenSSL.
#pragma once

#include <openssl/evp.h>

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace tollgate::gcp {

// Without padding.
std::string base64url(std::string_view bytes);

// An RSA key.
class SigningKey {
 public:
  // PEM, PKCS #8 or PKCS #1. The error says what is wrong with it, and nothing of what stands in it.
  static absl::StatusOr<SigningKey> parse(std::string_view pem);

  // header.claims.signature; both are JSON objects and are taken as they stand.
  std::string sign(std::string_view header, std::string_view claims) const;

 private:
  explicit SigningKey(EVP_PKEY* key) : key_(key, EVP_PKEY_free) {}
  std::shared_ptr<EVP_PKEY> key_;
};

}  // namespace tollgate::gcp
