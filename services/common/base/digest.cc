#include "services/common/base/digest.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <array>
#include <chrono>
#include <cstdlib>

namespace tollgate {
namespace {

std::string hex(const unsigned char* data, std::size_t size) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out(2 * size, '\0');
  for (std::size_t i = 0; i < size; ++i) {
    out[2 * i] = digits[data[i] >> 4];
    out[2 * i + 1] = digits[data[i] & 15];
  }
  return out;
}

void fill_random(unsigned char* data, std::size_t size) {
  // Without randomness no key and no id may be made.
  if (RAND_bytes(data, static_cast<int>(size)) != 1)
    std::abort();
}

}  // namespace

std::string sha256_hex(std::string_view data) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const unsigned char*>(data.data()), data.size(), digest.data());
  return hex(digest.data(), digest.size());
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string random_hex(std::size_t bytes) {
  std::string raw(bytes, '\0');
  fill_random(reinterpret_cast<unsigned char*>(raw.data()), raw.size());
  return hex(reinterpret_cast<const unsigned char*>(raw.data()), raw.size());
}

std::string new_generation_id() {
  constexpr std::string_view alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::array<unsigned char, 20> random;
  fill_random(random.data(), random.size());
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  std::string id = "gen-" + std::to_string(std::chrono::duration_cast<std::chrono::seconds>(now).count()) + "-";
  for (unsigned char byte : random)
    id += alphabet[byte % alphabet.size()];
  return id;
}

}  // namespace tollgate
