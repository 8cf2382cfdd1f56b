#include "services/common/redis/redis.h"

#include <fmt/format.h>
#include <openssl/sha.h>

#include <array>

#include "services/common/base/errors.h"

namespace tollgate {
namespace {

std::string sha1_hex(std::string_view data) {
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest;
  SHA1(reinterpret_cast<const unsigned char*>(data.data()), data.size(), digest.data());
  std::string out;
  for (unsigned char byte : digest)
    fmt::format_to(std::back_inserter(out), "{:02x}", byte);
  return out;
}

}  // namespace

absl::Status status_of(const RedisReply& reply) {
  if (!reply.is_error())
    return absl::OkStatus();
  // Prefixes of https://github.com/redis/redis/blob/7.0/src/server.c (createSharedObjects).
  constexpr std::array<std::string_view, 5> passing = {"OOM ", "MISCONF ", "BUSY ", "NOREPLICAS ", "LOADING "};
  for (std::string_view prefix : passing) {
    if (reply.text.starts_with(prefix))
      return error(v1::Failure::KIND_UNAVAILABLE, fmt::format("Redis refuses to write just now: {}", reply.text));
  }
  return error(v1::Failure::KIND_INTERNAL, fmt::format("Redis refused a command: {}", reply.text));
}

RedisScript::RedisScript(std::string_view name, std::string_view source)
    : name_(name), source_(source), sha1_(sha1_hex(source)) {}

}  // namespace tollgate
