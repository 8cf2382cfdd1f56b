#include "services/provider_adapter/google/jwt.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <stdexcept>

#include "services/common/base/errors.h"

namespace tollgate::gcp {

std::string base64url(std::string_view bytes) {
  static constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : bytes) {
    bits = (bits << 8) | static_cast<unsigned char>(c);
    count += 8;
    for (; count >= 6; count -= 6)
      out += kAlphabet[(bits >> (count - 6)) & 63];
  }
  if (count > 0)
    out += kAlphabet[(bits << (6 - count)) & 63];
  return out;
}

absl::StatusOr<SigningKey> SigningKey::parse(std::string_view pem) {
  const std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  // A key that wants a passphrase must not ask for it on the terminal.
  const auto no_passphrase = [](char*, int, int, void*) { return 0; };
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr);
  ERR_clear_error();
  if (key == nullptr)
    return error(v1::Failure::KIND_INVALID_REQUEST, "private_key is no private key in PEM form");
  SigningKey made(key);
  if (EVP_PKEY_base_id(key) != EVP_PKEY_RSA)
    return error(v1::Failure::KIND_INVALID_REQUEST, "private_key is no RSA key");
  return made;
}

std::string SigningKey::sign(std::string_view header, std::string_view claims) const {
  const std::string text = base64url(header) + "." + base64url(claims);
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  std::string signature(static_cast<std::size_t>(EVP_PKEY_size(key_.get())), '\0');
  std::size_t size = signature.size();
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes, text.size()) != 1)
    throw std::runtime_error("OpenSSL could not sign with an RSA key");
  signature.resize(size);
  return text + "." + base64url(signature);
}

}  // namespace tollgate::gcp
