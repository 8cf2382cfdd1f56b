#include "services/common/access/authenticate.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "services/common/base/digest.h"
#include "services/common/base/errors.h"

namespace tollgate {
namespace {

struct OneKey : Keys {
  absl::StatusOr<v1::Key> key;
  std::string asked;

  Awaitable<absl::StatusOr<v1::Key>> get(const v1::GetKeyRequest& request) override {
    asked = request.hash();
    co_return key;
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
};

absl::Status run(Keys& keys, const std::string& hash) {
  asio::io_context context;
  absl::Status result = absl::UnknownError("did not finish");
  asio::co_spawn(context.get_executor(), authenticate(keys, hash),
                 [&](std::exception_ptr, absl::Status status) { result = std::move(status); });
  context.run();
  return result;
}

TEST(Authenticate, AKeyInClearIsNeverPassedOn) {
  OneKey keys;
  keys.key = v1::Key();
  const auto hash = key_hash_of("sk-tg-v1-secret");
  ASSERT_TRUE(hash.ok());
  EXPECT_TRUE(run(keys, *hash).ok());
  EXPECT_EQ(keys.asked, sha256_hex("sk-tg-v1-secret"));
}

TEST(Authenticate, NoKeySaysHowToSendOne) {
  const auto hash = key_hash_of("");
  EXPECT_EQ(hash.status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_NE(hash.status().message().find("ANTHROPIC_AUTH_TOKEN"), std::string::npos);
}

TEST(Authenticate, RefusesUnknownDisabledAndExpired) {
  OneKey keys;
  keys.key = error(v1::Failure::KIND_NOT_FOUND, "no such key");
  EXPECT_EQ(run(keys, "x").code(), absl::StatusCode::kUnauthenticated);
  v1::Key disabled;
  disabled.set_disabled(true);
  keys.key = disabled;
  EXPECT_EQ(run(keys, "x").code(), absl::StatusCode::kUnauthenticated);
  v1::Key expired;
  expired.set_expires_at_ms(1);
  keys.key = expired;
  EXPECT_EQ(run(keys, "x").code(), absl::StatusCode::kUnauthenticated);
}

TEST(Authenticate, WithTheLedgerAwayNobodyIsTurnedIntoAStranger) {
  OneKey keys;
  keys.key = error(v1::Failure::KIND_UNAVAILABLE, "away");
  EXPECT_EQ(run(keys, "x").code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace tollgate
