// The Keys service: what it stores, shows, refuses and forgets.
#include <filesystem>
#include <fstream>

#include "services/common/base/digest.h"
#include "tests/integration/budget/fixture.h"

namespace tollgate {
namespace {

using testing::HasSubstr;

using KeysTest = BudgetTest;

TEST_F(KeysTest, CreateShowsTheSecretOnceAndStoresItsDigest) {
  v1::CreateKeyRequest request;
  request.set_name("Büro ☕");
  add_limit(*request.mutable_limits(), 10 * kUsd, v1::RESET_WEEKLY);
  add_limit(*request.mutable_limits(), 30 * kUsd, v1::RESET_MONTHLY);
  request.set_hold_mode(v1::HOLD_MODE_EXPECTED);
  request.mutable_permissions()->add_models("anthropic/*");
  request.mutable_permissions()->add_providers("google-vertex");
  request.mutable_rate_limits()->set_requests_per_minute(60);
  request.mutable_rate_limits()->set_tokens_per_minute(90000);
  request.set_creator_user_id("user_1");
  request.set_external_user("ext-1");
  request.set_include_byok_in_limit(true);
  request.set_provider_preferences(R"({"zdr": true, "only": ["ü"]})");
  const std::int64_t before = redis_now_ms();
  request.set_expires_at_ms(before + 3'600'000);
  request.set_workspace("team-1");
  create_workspace("team-1");
  const auto reply = loop_.run(keys_.create(request));
  expect_ok(reply);
  EXPECT_THAT(reply->secret(), testing::MatchesRegex("sk-tg-v1-[0-9a-f]+"));
  EXPECT_EQ(reply->secret().size(), 9U + 64);
  const v1::Key& key = reply->key();
  EXPECT_EQ(key.hash(), sha256_hex(reply->secret()));
  EXPECT_EQ(key.label(), reply->secret().substr(0, 13) + "..." + reply->secret().substr(69));
  EXPECT_EQ(key.name(), "Büro ☕");
  EXPECT_EQ(key.workspace(), "team-1");
  ASSERT_EQ(key.limits_size(), 2);
  EXPECT_EQ(key.limits(0).limit().amount_nano_usd(), 10 * kUsd);
  EXPECT_EQ(key.limits(0).limit().reset(), v1::RESET_WEEKLY);
  EXPECT_EQ(key.limits(0).remaining_nano_usd(), 10 * kUsd);
  EXPECT_EQ(key.limits(1).limit().reset(), v1::RESET_MONTHLY);
  EXPECT_EQ(key.hold_mode(), v1::HOLD_MODE_EXPECTED);
  EXPECT_EQ(key.permissions().SerializeAsString(), request.permissions().SerializeAsString());
  EXPECT_EQ(key.rate_limits().SerializeAsString(), request.rate_limits().SerializeAsString());
  EXPECT_EQ(key.creator_user_id(), "user_1");
  EXPECT_EQ(key.external_user(), "ext-1");
  EXPECT_TRUE(key.include_byok_in_limit());
  EXPECT_EQ(key.provider_preferences(), request.provider_preferences());
  EXPECT_EQ(key.workspace_provider_preferences(), "");
  EXPECT_FALSE(key.management());
  EXPECT_EQ(key.expires_at_ms(), before + 3'600'000);
  EXPECT_GE(key.created_at_ms(), before);
  EXPECT_EQ(key.updated_at_ms(), key.created_at_ms());
  EXPECT_FALSE(key.disabled());
  EXPECT_EQ(key.spend().usage_nano_usd(), 0);
  EXPECT_EQ(key.spend().held_nano_usd(), 0);
  EXPECT_GT(key.limits(0).resets_at_ms(), before);
  EXPECT_EQ(key.limits(0).resets_at_ms() % 86'400'000, 0);
  EXPECT_GE(key.limits(1).resets_at_ms(), key.limits(0).resets_at_ms() - 6 * 86'400'000LL);
  EXPECT_EQ(get_key(key.hash()).SerializeAsString(), key.SerializeAsString());

  // The secret is in no key, value or log of Redis.
  redis_command({"SAVE"});
  for (const auto& entry : std::filesystem::recursive_directory_iterator(server_.directory())) {
    if (!entry.is_regular_file())
      continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string content((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    EXPECT_EQ(content.find(reply->secret().substr(9)), std::string::npos) << entry.path();
  }
}

TEST_F(KeysTest, CreateRefuses) {
  struct Row {
    const char* what;
    const char* text;
    std::function<void(v1::CreateKeyRequest&)> change;
  };
  const std::vector<Row> rows = {
      {"no name", "name: expected 1 to 200", [](auto& r) { r.clear_name(); }},
      {"a long name", "got 201", [](auto& r) { r.set_name(std::string(201, 'x')); }},
      {"a newline", "control characters", [](auto& r) { r.set_name("a\nb"); }},
      {"no UTF-8", "UTF-8", [](auto& r) { r.set_name("\xff\xfe"); }},
      {"a negative limit", "limit: expected $0", [](auto& r) { add_limit(*r.mutable_limits(), -1); }},
      {"a limit beyond 2^53", "limit: expected $0", [](auto& r) { add_limit(*r.mutable_limits(), kMaxNanoUsd + 1); }},
      {"an unknown reset", "limit_reset",
       [](auto& r) { add_limit(*r.mutable_limits(), 1, static_cast<v1::Reset>(9)); }},
      {"two limits of one reset", "two with reset daily",
       [](auto& r) {
         add_limit(*r.mutable_limits(), 1, v1::RESET_DAILY);
         add_limit(*r.mutable_limits(), 2, v1::RESET_DAILY);
       }},
      {"an unknown hold mode", "hold_mode", [](auto& r) { r.set_hold_mode(static_cast<v1::HoldMode>(3)); }},
      {"a model pattern with a space", "allowed_models", [](auto& r) { r.mutable_permissions()->add_models("a b"); }},
      {"an empty provider", "allowed_providers", [](auto& r) { r.mutable_permissions()->add_providers(""); }},
      {"a negative rate", "requests_per_minute", [](auto& r) { r.mutable_rate_limits()->set_requests_per_minute(-1); }},
      {"a negative rate of tokens", "tokens_per_minute",
       [](auto& r) { r.mutable_rate_limits()->set_tokens_per_minute(-1); }},
      {"a long creator", "creator_user_id", [](auto& r) { r.set_creator_user_id(std::string(257, 'c')); }},
      {"a user with a tab", "external_user", [](auto& r) { r.set_external_user("a\tb"); }},
      {"a workspace that is not there", "no workspace \"nowhere\"", [](auto& r) { r.set_workspace("nowhere"); }},
      {"a preference that is not known", "provider.onyl: this preference is not known",
       [](auto& r) { r.set_provider_preferences(R"({"onyl":["a"]})"); }},
      {"long preferences", "provider: expected at most 8192 bytes",
       [](auto& r) { r.set_provider_preferences("{" + std::string(9000, ' ') + "}"); }},
      {"a past expiry", "expires_at", [](auto& r) { r.set_expires_at_ms(1); }},
      {"a workspace with a brace", "workspace", [](auto& r) { r.set_workspace("a}b"); }},
      {"a long workspace", "workspace", [](auto& r) { r.set_workspace(std::string(65, 'w')); }},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    v1::CreateKeyRequest request;
    request.set_name("ci");
    row.change(request);
    const auto reply = loop_.run(keys_.create(request));
    ASSERT_FALSE(reply.ok());
    EXPECT_EQ(kind_of(reply.status()), v1::Failure::KIND_INVALID_REQUEST);
    EXPECT_THAT(std::string(reply.status().message()), HasSubstr(row.text));
  }
  EXPECT_EQ(redis_command({"KEYS", "tg:key:*"}).elements.size(), 0U);
}

TEST_F(KeysTest, CreateAcceptsTheExtremes) {
  v1::CreateKeyRequest request;
  std::string name;
  for (int i = 0; i < 200; ++i)
    name += "ü";
  request.set_name(name);
  add_limit(*request.mutable_limits(), kMaxNanoUsd);
  const auto reply = loop_.run(keys_.create(request));
  expect_ok(reply);
  EXPECT_EQ(reply->key().limits(0).limit().amount_nano_usd(), kMaxNanoUsd);
  EXPECT_EQ(reply->key().name(), name);
  EXPECT_FALSE(reply->key().limits(0).has_resets_at_ms());
  EXPECT_FALSE(reply->key().has_expires_at_ms());
}

TEST_F(KeysTest, ListIsOldestFirstAndOfOneWorkspace) {
  std::vector<std::string> created;
  for (int i = 0; i < 250; ++i)
    created.push_back(create_key().key().hash());
  v1::CreateKeyRequest other;
  other.set_name("other");
  other.set_workspace("other");
  create_workspace("other");
  expect_ok(loop_.run(keys_.create(other)));
  remove_key(created[100]);
  created.erase(created.begin() + 100);

  v1::ListKeysRequest request;
  EXPECT_EQ(loop_.run(keys_.list(request))->keys_size(), 250);
  request.set_workspace("default");
  const auto reply = loop_.run(keys_.list(request));
  expect_ok(reply);
  std::vector<std::string> listed;
  for (const v1::Key& key : reply->keys())
    listed.push_back(key.hash());
  EXPECT_EQ(listed, created);

  v1::ListKeysRequest empty;
  empty.set_workspace("nobody");
  EXPECT_EQ(loop_.run(keys_.list(empty))->keys_size(), 0);
}

TEST_F(KeysTest, UpdateChangesOnlyWhatIsSet) {
  const v1::Key created = create_key(10 * kUsd, v1::RESET_DAILY).key();
  v1::UpdateKeyRequest request;
  request.set_hash(created.hash());
  request.set_name("renamed");
  auto key = loop_.run(keys_.update(request));
  expect_ok(key);
  EXPECT_EQ(key->name(), "renamed");
  EXPECT_EQ(key->limits(0).limit().amount_nano_usd(), 10 * kUsd);
  EXPECT_EQ(key->limits(0).limit().reset(), v1::RESET_DAILY);
  EXPECT_GE(key->updated_at_ms(), created.updated_at_ms());

  request.Clear();
  request.set_hash(created.hash());
  request.set_disabled(true);
  request.set_expires_at_ms(4'000'000'000'000);
  add_limit(*request.mutable_limits(), 0, v1::RESET_MONTHLY);
  add_limit(*request.mutable_limits(), 5, v1::RESET_NONE);
  request.mutable_permissions()->add_models("anthropic/claude-sonnet-4");
  request.mutable_rate_limits()->set_requests_per_minute(5);
  request.set_hold_mode(v1::HOLD_MODE_STRICT);
  key = loop_.run(keys_.update(request));
  EXPECT_EQ(key->name(), "renamed");
  EXPECT_TRUE(key->disabled());
  EXPECT_EQ(key->expires_at_ms(), 4'000'000'000'000);
  ASSERT_EQ(key->limits_size(), 2);
  EXPECT_EQ(key->limits(0).limit().reset(), v1::RESET_NONE);
  EXPECT_EQ(key->limits(1).limit().amount_nano_usd(), 0);
  EXPECT_EQ(key->permissions().models_size(), 1);
  EXPECT_EQ(key->rate_limits().requests_per_minute(), 5);
  EXPECT_EQ(key->hold_mode(), v1::HOLD_MODE_STRICT);

  request.Clear();
  request.set_hash(created.hash());
  request.mutable_limits();
  request.mutable_permissions();
  request.mutable_rate_limits();
  request.set_expires_at_ms(0);
  request.set_hold_mode(v1::HOLD_MODE_UNSPECIFIED);
  key = loop_.run(keys_.update(request));
  EXPECT_EQ(key->limits_size(), 0);
  EXPECT_EQ(key->permissions().models_size(), 0);
  EXPECT_EQ(key->rate_limits().requests_per_minute(), 0);
  EXPECT_FALSE(key->has_expires_at_ms());
  EXPECT_EQ(get_key(created.hash()).SerializeAsString(), key->SerializeAsString());

  // Nothing to change is no change.
  request.Clear();
  request.set_hash(created.hash());
  EXPECT_EQ(loop_.run(keys_.update(request))->SerializeAsString(), key->SerializeAsString());
  request.Clear();
  request.set_hash(created.hash());
  request.set_name("");
  EXPECT_EQ(kind_of(loop_.run(keys_.update(request)).status()), v1::Failure::KIND_INVALID_REQUEST);
}

TEST_F(KeysTest, UnknownAndRemovedKeysAreNotFound) {
  const std::string removed = create_key().key().hash();
  remove_key(removed);
  for (const std::string& hash :
       {removed, std::string(64, '0'), std::string("x"), std::string(), std::string(64, 'A')}) {
    v1::GetKeyRequest get;
    get.set_hash(hash);
    EXPECT_EQ(kind_of(loop_.run(keys_.get(get)).status()), v1::Failure::KIND_NOT_FOUND);
    v1::UpdateKeyRequest update;
    update.set_hash(hash);
    update.set_disabled(true);
    EXPECT_EQ(kind_of(loop_.run(keys_.update(update)).status()), v1::Failure::KIND_NOT_FOUND);
    v1::DeleteKeyRequest remove;
    remove.set_hash(hash);
    EXPECT_EQ(kind_of(loop_.run(keys_.remove(remove)).status()), v1::Failure::KIND_NOT_FOUND);
  }
  EXPECT_EQ(redis_command({"EXISTS", layout::key_record("default", removed)}).integer, 0);
  EXPECT_EQ(redis_command({"ZCARD", layout::keys("default")}).integer, 0);
}

TEST_F(KeysTest, UsageOfPassedPeriodsIsShownAsNothing) {
  const std::string hash = create_key(10 * kUsd, v1::RESET_DAILY).key().hash();
  expect_ok(settle(hash, "gen-1", 3 * kUsd));
  v1::Key key = get_key(hash);
  EXPECT_EQ(key.spend().usage_daily_nano_usd(), 3 * kUsd);
  EXPECT_EQ(key.spend().usage_weekly_nano_usd(), 3 * kUsd);
  EXPECT_EQ(key.spend().usage_monthly_nano_usd(), 3 * kUsd);
  // As if it had last been used in earlier periods.
  const std::string record = layout::key_record("default", hash);
  redis_command({"HINCRBY", record, "day", "-1"});
  key = get_key(hash);
  EXPECT_EQ(key.spend().usage_daily_nano_usd(), 0);
  EXPECT_EQ(key.spend().usage_weekly_nano_usd(), 3 * kUsd);
  redis_command({"HINCRBY", record, "week", "-1"});
  key = get_key(hash);
  EXPECT_EQ(key.spend().usage_weekly_nano_usd(), 0);
  EXPECT_EQ(key.spend().usage_monthly_nano_usd(), 3 * kUsd);
  redis_command({"HINCRBY", record, "month", "-1"});
  key = get_key(hash);
  EXPECT_EQ(key.spend().usage_monthly_nano_usd(), 0);
  EXPECT_EQ(key.spend().usage_nano_usd(), 3 * kUsd);
  // The next settlement begins all three anew.
  expect_ok(settle(hash, "gen-2", kUsd));
  key = get_key(hash);
  EXPECT_EQ(key.spend().usage_daily_nano_usd(), kUsd);
  EXPECT_EQ(key.spend().usage_weekly_nano_usd(), kUsd);
  EXPECT_EQ(key.spend().usage_monthly_nano_usd(), kUsd);
  EXPECT_EQ(key.spend().usage_nano_usd(), 4 * kUsd);
}

}  // namespace
}  // namespace tollgate
