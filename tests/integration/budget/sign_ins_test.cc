// Sessions of the dashboard, on a real Redis.
#include "services/budget/redis_sign_ins.h"

#include "services/common/access/authenticate.h"
#include "services/common/access/credentials.h"
#include "services/common/base/digest.h"
#include "tests/integration/budget/fixture.h"

namespace tollgate {
namespace {

class SignInsTest : public BudgetTest {
 protected:
  std::string sign_in(const std::string& key_hash) {
    v1::CreateSignInRequest request;
    request.set_key_hash(key_hash);
    const auto reply = loop_.run(sign_ins_.create(request));
    expect_ok(reply);
    return reply.ok() ? reply->token() : std::string();
  }
  absl::StatusOr<v1::Key> who(const std::string& token) { return loop_.run(authenticated_key(keys_, token)); }

  RedisSignIns sign_ins_{redis_};
};

TEST_F(SignInsTest, StandsForItsKey) {
  const v1::CreateKeyReply key = create_key();
  const std::string token = sign_in(key.key().hash());
  EXPECT_TRUE(token.starts_with(kSessionPrefix));
  const auto found = who(token);
  expect_ok(found);
  EXPECT_EQ(found->hash(), key.key().hash());
  EXPECT_NE(sign_in(key.key().hash()), token);
  // Redis holds nothing that signs in.
  for (const RedisReply& name : redis_command({"KEYS", "*"}).elements)
    EXPECT_EQ(name.text.find(token), std::string::npos);
  EXPECT_TRUE(absl::IsUnauthenticated(who(token + "0").status()));
  EXPECT_TRUE(absl::IsUnauthenticated(who(std::string(kSessionPrefix)).status()));
}

TEST_F(SignInsTest, LastsFromItsLastUse) {
  const std::string token = sign_in(create_key().key().hash());
  const std::string name = layout::session(sha256_hex(token));
  constexpr std::int64_t lasts = std::chrono::milliseconds(kSessionLasts).count();
  EXPECT_GT(redis_command({"PTTL", name}).integer, lasts - 60'000);
  redis_command({"PEXPIRE", name, "5000"});
  expect_ok(who(token));
  EXPECT_GT(redis_command({"PTTL", name}).integer, lasts - 60'000);
  redis_command({"PEXPIRE", name, "0"});
  EXPECT_TRUE(absl::IsUnauthenticated(who(token).status()));
}

TEST_F(SignInsTest, IsWorthNoMoreThanItsKey) {
  const v1::CreateKeyReply key = create_key();
  const std::string token = sign_in(key.key().hash());
  v1::UpdateKeyRequest update;
  update.set_hash(key.key().hash());
  update.set_disabled(true);
  expect_ok(loop_.run(keys_.update(update)));
  EXPECT_TRUE(absl::IsUnauthenticated(who(token).status()));
  update.set_disabled(false);
  expect_ok(loop_.run(keys_.update(update)));
  expect_ok(who(token));
  v1::DeleteKeyRequest remove;
  remove.set_hash(key.key().hash());
  expect_ok(loop_.run(keys_.remove(remove)));
  EXPECT_TRUE(absl::IsUnauthenticated(who(token).status()));
}

TEST_F(SignInsTest, EndsByHand) {
  const std::string token = sign_in(create_key().key().hash());
  v1::DeleteSignInRequest request;
  request.set_token_hash(sha256_hex(token));
  expect_ok(loop_.run(sign_ins_.remove(request)));
  expect_ok(loop_.run(sign_ins_.remove(request)));
  EXPECT_TRUE(absl::IsUnauthenticated(who(token).status()));
}

TEST_F(SignInsTest, TakesHashesOnly) {
  v1::CreateSignInRequest create;
  create.set_key_hash("sk-tg-v1-secret");
  EXPECT_TRUE(absl::IsInvalidArgument(loop_.run(sign_ins_.create(create)).status()));
  v1::DeleteSignInRequest remove;
  EXPECT_TRUE(absl::IsInvalidArgument(loop_.run(sign_ins_.remove(remove)).status()));
}

}  // namespace
}  // namespace tollgate
