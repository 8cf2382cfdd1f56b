#include "gateway/keys_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "services/common/base/money.h"

namespace tollgate {
namespace {

using nlohmann::json;

void add_limit(v1::Key& key, v1::Reset reset, std::int64_t amount, std::int64_t spent, std::int64_t remaining) {
  v1::LimitState* state = key.add_limits();
  state->mutable_limit()->set_reset(reset);
  state->mutable_limit()->set_amount_nano_usd(amount);
  state->set_spent_nano_usd(spent);
  state->set_remaining_nano_usd(remaining);
  if (reset != v1::RESET_NONE)
    state->set_resets_at_ms(1'747'958'400'000);
}

v1::Key some_key() {
  v1::Key key;
  key.set_hash(std::string(64, 'a'));
  key.set_label("sk-tg-v1-ab12...cd34");
  key.set_name("ci");
  key.set_workspace("default");
  key.set_created_at_ms(1'747'930'371'999);
  key.mutable_spend()->set_usage_nano_usd(12'500'000'000);
  key.mutable_spend()->set_usage_daily_nano_usd(2'250'000'000);
  key.mutable_spend()->set_usage_weekly_nano_usd(3'000'000'000);
  key.mutable_spend()->set_usage_monthly_nano_usd(4'000'000'000);
  key.mutable_spend()->set_held_nano_usd(500'000'000);
  return key;
}

void expect_common_members(const json& data) {
  EXPECT_EQ(data["label"], "sk-tg-v1-ab12...cd34");
  EXPECT_EQ(data["name"], "ci");
  EXPECT_EQ(data["usage"], 12.5);
  EXPECT_EQ(data["usage_daily"], 2.25);
  EXPECT_EQ(data["usage_weekly"], 3.0);
  EXPECT_EQ(data["usage_monthly"], 4.0);
  EXPECT_EQ(data["held"], 0.5);
  EXPECT_EQ(data["workspace_id"], "default");
  EXPECT_EQ(data["include_byok_in_limit"], false);
  for (const char* name : {"byok_usage", "byok_usage_daily", "byok_usage_weekly", "byok_usage_monthly"})
    EXPECT_TRUE(data[name].is_number()) << name;
  for (const char* name : {"creator_user_id", "expires_at", "limit", "limit_remaining", "limit_reset", "hold_mode",
                           "allowed_models", "allowed_providers", "requests_per_minute", "tokens_per_minute"})
    EXPECT_TRUE(data.contains(name) && data[name].is_null()) << name;
  EXPECT_EQ(data["limits"], json::array());
}

TEST(KeysJson, CurrentKeyHasAllThatClientsDemand) {
  v1::Key key = some_key();
  json data = json::parse(current_key_json(key))["data"];
  expect_common_members(data);
  for (const char* name : {"is_free_tier", "is_management_key", "is_provisioning_key"})
    EXPECT_EQ(data[name], false) << name;
  EXPECT_TRUE(data.contains("organization_id") && data["organization_id"].is_null());
  EXPECT_TRUE(data["allowed_data_regions"].is_array());
  for (const char* name : {"used", "limit", "remaining"})
    EXPECT_TRUE(data["free_model_daily_requests"][name].is_number_integer()) << name;
  EXPECT_TRUE(data["rate_limit"]["interval"].is_string());
  EXPECT_TRUE(data["rate_limit"]["note"].is_string());
  EXPECT_EQ(data["rate_limit"]["requests"], -1);
  key.set_management(true);
  data = json::parse(current_key_json(key))["data"];
  EXPECT_EQ(data["is_management_key"], true);
  EXPECT_EQ(data["is_provisioning_key"], true);
}

TEST(KeysJson, ManagedKeyHasAllThatClientsDemand) {
  const json data = json::parse(key_json(some_key()))["data"];
  expect_common_members(data);
  EXPECT_EQ(data["hash"], std::string(64, 'a'));
  EXPECT_EQ(data["disabled"], false);
  EXPECT_EQ(data["management"], false);
  EXPECT_EQ(data["created_at"], "2025-05-22T16:12:51Z");
  for (const char* name : {"updated_at", "external_user"})
    EXPECT_TRUE(data.contains(name) && data[name].is_null()) << name;
}

TEST(KeysJson, EverythingThatCanBeSet) {
  v1::Key key = some_key();
  key.set_disabled(true);
  key.set_management(true);
  key.set_expires_at_ms(1'747'930'371'999);
  key.set_updated_at_ms(1'747'930'372'000);
  key.set_hold_mode(v1::HOLD_MODE_EXPECTED);
  key.mutable_permissions()->add_models("anthropic/*");
  key.mutable_permissions()->add_providers("anthropic");
  key.mutable_rate_limits()->set_requests_per_minute(60);
  key.mutable_rate_limits()->set_tokens_per_minute(100'000);
  key.set_creator_user_id("user_1");
  key.set_external_user("partner");
  key.set_include_byok_in_limit(true);
  const Json data = key_object(key);
  EXPECT_EQ(data["disabled"], true);
  EXPECT_EQ(data["management"], true);
  EXPECT_EQ(data["expires_at"], "2025-05-22T16:12:51Z");
  EXPECT_EQ(data["updated_at"], "2025-05-22T16:12:52Z");
  EXPECT_EQ(data["hold_mode"], "expected");
  EXPECT_EQ(data["allowed_models"], Json({"anthropic/*"}));
  EXPECT_EQ(data["allowed_providers"], Json({"anthropic"}));
  EXPECT_EQ(data["requests_per_minute"], 60);
  EXPECT_EQ(data["tokens_per_minute"], 100'000);
  EXPECT_EQ(data["creator_user_id"], "user_1");
  EXPECT_EQ(data["external_user"], "partner");
  EXPECT_EQ(data["include_byok_in_limit"], true);
  key.set_hold_mode(v1::HOLD_MODE_STRICT);
  EXPECT_EQ(key_object(key)["hold_mode"], "strict");
}

TEST(KeysJson, TheTightestLimitIsShownToThoseWhoKnowOne) {
  v1::Key key = some_key();
  add_limit(key, v1::RESET_NONE, 100'000'000'000, 12'500'000'000, 87'000'000'000);
  json data = json::parse(key_json(key))["data"];
  EXPECT_EQ(data["limit"], 100);
  EXPECT_EQ(data["limit_remaining"], 87);
  EXPECT_TRUE(data["limit_reset"].is_null());
  EXPECT_TRUE(data["limits"][0]["limit_reset"].is_null());
  EXPECT_TRUE(data["limits"][0]["resets_at"].is_null());

  add_limit(key, v1::RESET_DAILY, 5'000'000'000, 2'250'000'000, 2'250'000'000);
  add_limit(key, v1::RESET_MONTHLY, 50'000'000'000, 4'000'000'000, 45'500'000'000);
  for (const std::string& text : {key_json(key), current_key_json(key)}) {
    data = json::parse(text)["data"];
    EXPECT_EQ(data["limit"], 5);
    EXPECT_EQ(data["limit_remaining"], 2.25);
    EXPECT_EQ(data["limit_reset"], "daily");
    ASSERT_EQ(data["limits"].size(), 3u);
    EXPECT_EQ(data["limits"][1], json::parse(R"({"limit": 5.0, "limit_reset": "daily", "spent": 2.25,
        "remaining": 2.25, "resets_at": "2025-05-23T00:00:00Z"})"));
    EXPECT_EQ(data["limits"][2]["limit_reset"], "monthly");
  }
}

TEST(KeysJson, AmountsAreWrittenAsTheyAre) {
  const std::vector<std::pair<std::int64_t, std::string>> rows = {
      {1, "1e-09"},
      {100'000'000, "0.1"},
      {300'000'000, "0.3"},
      {1'000'000'000, "1.0"},
      {20'000'000'001, "20.000000001"},
      // Beyond, a double has no room for nine decimals.
      {8'000'000'123'456'789, "8000000.123456789"},
  };
  for (const auto& [nano, text] : rows) {
    v1::Key key = some_key();
    key.mutable_spend()->set_usage_nano_usd(nano);
    EXPECT_NE(key_json(key).find("\"usage\":" + text + ","), std::string::npos) << key_json(key);
  }
}

TEST(KeysJson, TheSecretStandsBesideTheData) {
  v1::CreateKeyReply created;
  *created.mutable_key() = some_key();
  created.set_secret("sk-tg-v1-secret");
  const json reply = json::parse(created_key_json(created));
  EXPECT_EQ(reply["key"], "sk-tg-v1-secret");
  expect_common_members(reply["data"]);
}

TEST(KeysJson, Pages) {
  v1::ListKeysReply keys;
  v1::ListWorkspacesReply workspaces;
  for (int i = 0; i < 250; ++i) {
    v1::Key* key = keys.add_keys();
    key->set_name(std::to_string(i));
    key->set_disabled(i % 5 == 0);
    workspaces.add_workspaces()->set_name(std::to_string(i));
  }
  struct Row {
    ListPage page;
    std::size_t size;
    std::string first;
    std::string last;
  };
  const auto check = [](const Row& row, const json& data) {
    ASSERT_EQ(data.size(), row.size) << row.first;
    if (row.size > 0) {
      EXPECT_EQ(data.front()["name"], row.first);
      EXPECT_EQ(data.back()["name"], row.last);
    }
  };
  const std::vector<Row> all = {
      {{}, 100, "0", "99"},
      {{.offset = 200}, 50, "200", "249"},
      {{.offset = 249}, 1, "249", "249"},
      {{.offset = 250}, 0, "", ""},
      {{.offset = static_cast<std::size_t>(-1)}, 0, "", ""},
      {{.offset = 10, .limit = 2}, 2, "10", "11"},
      {{.limit = 0}, 0, "", ""},
      {{.limit = 1000}, 250, "0", "249"},
  };
  for (const Row& row : all) {
    check(row, json::parse(keys_json(keys, true, row.page))["data"]);
    const json list = json::parse(workspaces_json(workspaces, row.page));
    check(row, list["data"]);
    EXPECT_EQ(list["total_count"], 250);
  }
  const std::vector<Row> enabled = {
      {{}, 100, "1", "124"},
      {{.offset = 100}, 100, "126", "249"},
      {{.offset = 199}, 1, "249", "249"},
      {{.offset = 200}, 0, "", ""},
  };
  for (const Row& row : enabled)
    check(row, json::parse(keys_json(keys, false, row.page))["data"]);
  EXPECT_EQ(keys_json({}, false, {}), R"({"data":[]})");
}

v1::Workspace workspace(v1::Reset reset, std::int64_t amount, std::int64_t usage) {
  v1::Workspace made;
  v1::LimitState* state = made.add_limits();
  state->mutable_limit()->set_reset(reset);
  state->mutable_limit()->set_amount_nano_usd(amount);
  state->set_remaining_nano_usd(amount - usage);
  made.mutable_spend()->set_usage_nano_usd(usage);
  return made;
}

TEST(KeysJson, Workspaces) {
  v1::Workspace team = workspace(v1::RESET_WEEKLY, 7'000'000'000, 500'000'000);
  team.set_id("team");
  team.set_name("The team");
  team.set_keys(3);
  team.set_created_at_ms(1'747'930'371'999);
  json data = json::parse(workspace_json(team))["data"];
  EXPECT_EQ(data["id"], "team");
  EXPECT_EQ(data["slug"], "team");
  EXPECT_EQ(data["name"], "The team");
  EXPECT_EQ(data["keys"], 3);
  EXPECT_EQ(data["limit"], 7);
  EXPECT_EQ(data["limit_reset"], "weekly");
  EXPECT_EQ(data["limit_remaining"], 6.5);
  EXPECT_EQ(data["limits"].size(), 1u);
  EXPECT_EQ(data["usage"], 0.5);
  EXPECT_EQ(data["hold_mode"], "strict") << "what a workspace is that says nothing";
  EXPECT_EQ(data["created_at"], "2025-05-22T16:12:51Z");
  EXPECT_TRUE(data["updated_at"].is_null());
  team.set_hold_mode(v1::HOLD_MODE_EXPECTED);
  EXPECT_EQ(workspace_object(team)["hold_mode"], "expected");
}

TEST(KeysJson, Credits) {
  v1::ListWorkspacesReply list;
  *list.add_workspaces() = workspace(v1::RESET_NONE, 100'000'000, 50'000'000);
  *list.add_workspaces() = workspace(v1::RESET_NONE, 200'000'000, 1);
  EXPECT_EQ(credits_json(list), R"({"data":{"total_credits":0.3,"total_usage":0.050000001}})");
  // A limit that resets is no sum that can be used up.
  *list.add_workspaces() = workspace(v1::RESET_MONTHLY, 1'000'000'000, 0);
  EXPECT_EQ(json::parse(credits_json(list))["data"]["total_credits"], 9007199.3);
  // No overflow.
  for (int i = 0; i < 2000; ++i)
    *list.add_workspaces() = workspace(v1::RESET_NONE, kMaxNanoUsd, 0);
  EXPECT_GT(json::parse(credits_json(list))["data"]["total_credits"], 2000 * 9007199.0);
}

}  // namespace
}  // namespace tollgate
