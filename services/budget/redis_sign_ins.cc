#include "services/budget/redis_sign_ins.h"

#include "services/budget/commands.h"
#include "services/budget/key_text.h"
#include "services/budget/layout.h"
#include "services/common/access/credentials.h"
#include "services/common/base/digest.h"
#include "services/common/base/errors.h"

namespace tollgate {
namespace {

constexpr std::size_t kTokenBytes = 32;

std::string lasts_ms() {
  return std::to_string(std::chrono::milliseconds(kSessionLasts).count());
}

absl::Status check_hash(const char* field, const std::string& hash) {
  return is_key_hash(hash)
             ? absl::OkStatus()
             : error(v1::Failure::KIND_INVALID_REQUEST, std::string(field) + ": expected a SHA-256 as hex");
}

}  // namespace

Awaitable<absl::StatusOr<v1::CreateSignInReply>> RedisSignIns::create(const v1::CreateSignInRequest& request) {
  if (absl::Status status = check_hash("key_hash", request.key_hash()); !status.ok())
    co_return status;
  std::string token = std::string(kSessionPrefix) + random_hex(kTokenBytes);
  std::vector<std::string> argv = {"SET", layout::session(sha256_hex(token)), request.key_hash(), "PX", lasts_ms()};
  if (const auto reply = co_await run(redis_, std::move(argv)); !reply.ok())
    co_return reply.status();
  v1::CreateSignInReply out;
  out.set_token(std::move(token));
  out.set_lasts_ms(std::chrono::milliseconds(kSessionLasts).count());
  co_return out;
}

Awaitable<absl::StatusOr<v1::DeleteSignInReply>> RedisSignIns::remove(const v1::DeleteSignInRequest& request) {
  if (absl::Status status = check_hash("token_hash", request.token_hash()); !status.ok())
    co_return status;
  std::vector<std::string> argv = {"DEL", layout::session(request.token_hash())};
  if (const auto reply = co_await run(redis_, std::move(argv)); !reply.ok())
    co_return reply.status();
  co_return v1::DeleteSignInReply();
}

Awaitable<absl::StatusOr<std::string>> key_of_session(Redis& redis, std::string token_hash) {
  if (!is_key_hash(token_hash))
    co_return std::string();
  std::vector<std::string> argv = {"GETEX", layout::session(token_hash), "PX", lasts_ms()};
  auto reply = co_await run(redis, std::move(argv));
  if (!reply.ok())
    co_return reply.status();
  co_return std::move(reply->text);
}

}  // namespace tollgate
