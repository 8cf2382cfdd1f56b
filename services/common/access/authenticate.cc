#include "services/common/access/authenticate.h"

#include <chrono>

#include "services/common/access/credentials.h"
#include "services/common/base/digest.h"
#include "services/common/base/errors.h"

namespace tollgate {
namespace {

using v1::Failure;

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

absl::StatusOr<std::string> key_hash_of(std::string_view api_key) {
  if (api_key.empty())
    return error(Failure::KIND_UNAUTHENTICATED,
                 "No API key. Set ANTHROPIC_AUTH_TOKEN to a key of this gateway, or send it as \"x-api-key\" or "
                 "\"Authorization: Bearer\".");
  return sha256_hex(api_key);
}

namespace {

Awaitable<absl::StatusOr<v1::Key>> usable_key(Keys& keys, v1::GetKeyRequest request) {
  absl::StatusOr<v1::Key> key = co_await keys.get(request);
  if (!key.ok()) {
    if (key.status().code() == absl::StatusCode::kNotFound)
      co_return error(Failure::KIND_UNAUTHENTICATED,
                      request.session().empty() ? "Invalid API key." : "This session has ended. Sign in again.");
    co_return key.status();
  }
  if (key->disabled())
    co_return error(Failure::KIND_UNAUTHENTICATED, "This API key is disabled.");
  if (key->has_expires_at_ms() && key->expires_at_ms() <= now_ms())
    co_return error(Failure::KIND_UNAUTHENTICATED, "This API key has expired.");
  co_return key;
}

}  // namespace

Awaitable<absl::Status> authenticate(Keys& keys, std::string key_hash) {
  v1::GetKeyRequest request;
  request.set_hash(std::move(key_hash));
  const absl::StatusOr<v1::Key> key = co_await usable_key(keys, std::move(request));
  co_return key.status();
}

Awaitable<absl::StatusOr<v1::Key>> authenticated_key(Keys& keys, std::string api_key) {
  absl::StatusOr<std::string> key_hash = key_hash_of(api_key);
  if (!key_hash.ok())
    co_return key_hash.status();
  v1::GetKeyRequest request;
  if (api_key.starts_with(kSessionPrefix))
    request.set_session(*std::move(key_hash));
  else
    request.set_hash(*std::move(key_hash));
  co_return co_await usable_key(keys, std::move(request));
}

Awaitable<absl::Status> authenticate_key(Keys& keys, std::string api_key) {
  const absl::StatusOr<v1::Key> key = co_await authenticated_key(keys, std::move(api_key));
  co_return key.status();
}

}  // namespace tollgate
