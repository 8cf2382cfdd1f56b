#include "gateway/account_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace tollgate {
namespace {

using nlohmann::json;

v1::Model sonnet() {
  v1::Model model;
  model.set_id("anthropic/claude-sonnet-4");
  model.set_name("Anthropic: Claude Sonnet 4");
  model.set_description("A model.");
  model.set_created(1747930371);
  v1::Endpoint* first = model.add_endpoints();
  first->set_context_tokens(200000);
  first->set_max_output_tokens(64000);
  first->mutable_price()->set_input(3000000);
  first->mutable_price()->set_output(15000000);
  first->mutable_price()->set_cache_read(300000);
  first->mutable_price()->set_cache_write_5m(3750000);
  first->mutable_price()->set_cache_write_1h(6000000);
  first->mutable_price()->set_web_search(10000000);
  v1::Endpoint* second = model.add_endpoints();
  second->set_context_tokens(1000000);
  return model;
}

TEST(AccountJson, TokenPricesAreExact) {
  const std::vector<std::pair<std::int64_t, std::string>> rows = {{0, "0"},
                                                                  {1, "0.000000000001"},
                                                                  {75000, "0.000000075"},
                                                                  {3000000, "0.000003"},
                                                                  {3750000, "0.00000375"},
                                                                  {1000000000000, "1"},
                                                                  {1234567890123, "1.234567890123"},
                                                                  {10000000, "0.00001"}};
  for (const auto& [micro, text] : rows)
    EXPECT_EQ(format_token_price(micro), text);
}

TEST(AccountJson, ModelServesBothKindsOfClients) {
  const json model = json::parse(model_json(sonnet()));
  // Anthropic's.
  EXPECT_EQ(model["type"], "model");
  EXPECT_EQ(model["id"], "anthropic/claude-sonnet-4");
  EXPECT_EQ(model["display_name"], "Anthropic: Claude Sonnet 4");
  EXPECT_EQ(model["created_at"], "2025-05-22T16:12:51Z");
  // OpenRouter's: every member that its SDK demands.
  EXPECT_EQ(model["canonical_slug"], "anthropic/claude-sonnet-4");
  EXPECT_EQ(model["name"], "Anthropic: Claude Sonnet 4");
  EXPECT_EQ(model["created"], 1747930371);
  EXPECT_EQ(model["context_length"], 1000000);
  EXPECT_TRUE(model["architecture"]["input_modalities"].is_array());
  EXPECT_TRUE(model["architecture"]["output_modalities"].is_array());
  EXPECT_TRUE(model["architecture"].contains("modality"));
  EXPECT_EQ(model["top_provider"]["context_length"], 200000);
  EXPECT_EQ(model["top_provider"]["max_completion_tokens"], 64000);
  EXPECT_EQ(model["top_provider"]["is_moderated"], false);
  EXPECT_TRUE(model["links"]["details"].is_string());
  EXPECT_TRUE(model["supported_parameters"].is_array());
  for (const char* name : {"per_request_limits", "default_parameters", "supported_voices"})
    EXPECT_TRUE(model.contains(name) && model[name].is_null()) << name;
  EXPECT_EQ(model["pricing"]["prompt"], "0.000003");
  EXPECT_EQ(model["pricing"]["completion"], "0.000015");
  EXPECT_EQ(model["pricing"]["input_cache_read"], "0.0000003");
  EXPECT_EQ(model["pricing"]["input_cache_write"], "0.00000375");
  EXPECT_EQ(model["pricing"]["input_cache_write_1h"], "0.000006");
  EXPECT_EQ(model["pricing"]["web_search"], "0.01");
  EXPECT_FALSE(model["pricing"].contains("overrides"));
}

TEST(AccountJson, LongPromptPricesAreOverrides) {
  v1::Model model = sonnet();
  v1::PriceTier* tier = model.mutable_endpoints(0)->add_price_tiers();
  tier->set_above_prompt_tokens(200000);
  tier->mutable_price()->set_input(6000000);
  const json override = json::parse(model_json(model))["pricing"]["overrides"][0];
  EXPECT_EQ(override["min_prompt_tokens"], 200000);
  EXPECT_EQ(override["prompt"], "0.000006");
}

v1::ListModelsReply four() {
  v1::ListModelsReply reply;
  for (const char* id : {"a", "b", "c", "d"})
    reply.add_models()->set_id(id);
  return reply;
}

std::string ids(const json& list) {
  std::string shown;
  for (const json& model : list["data"])
    shown += model["id"];
  return shown;
}

TEST(AccountJson, ListAndItsPages) {
  struct Row {
    Page page;
    std::string ids;
    bool has_more;
  };
  const std::vector<Row> rows = {
      {{}, "abcd", false},
      {{.limit = 1000}, "abcd", false},
      {{.limit = 4}, "abcd", false},
      {{.limit = 2}, "ab", true},
      {{.limit = 2, .after_id = "b"}, "cd", false},
      {{.limit = 1, .after_id = "b"}, "c", true},
      {{.limit = 2, .before_id = "d"}, "bc", true},
      {{.limit = 3, .before_id = "d"}, "abc", false},
      {{.after_id = "d"}, "", false},
      {{.after_id = "unknown"}, "", false},
      {{.after_id = "c", .before_id = "b"}, "", false},
  };
  for (const Row& row : rows) {
    const json list = json::parse(models_json(four(), row.page));
    EXPECT_EQ(ids(list), row.ids);
    EXPECT_EQ(list["has_more"], row.has_more) << row.ids;
    EXPECT_EQ(list["first_id"], row.ids.empty() ? json() : json(row.ids.substr(0, 1)));
    EXPECT_EQ(list["last_id"], row.ids.empty() ? json() : json(row.ids.substr(row.ids.size() - 1)));
    EXPECT_TRUE(list["links"]["next"].is_null());
    EXPECT_EQ(list["total_count"], 4);
  }
}

TEST(AccountJson, KeyHasAllThatClientsDemand) {
  v1::Key key;
  key.set_label("sk-tg-v1-ab12...cd34");
  key.set_workspace("default");
  key.set_limit_nano_usd(20'000'000'000);
  key.set_limit_reset(v1::RESET_DAILY);
  key.set_usage_nano_usd(12'500'000'000);
  key.set_usage_daily_nano_usd(2'250'000'000);
  key.set_usage_weekly_nano_usd(3'000'000'000);
  key.set_usage_monthly_nano_usd(4'000'000'000);
  key.set_held_nano_usd(500'000'000);
  const json data = json::parse(key_json(key))["data"];
  EXPECT_EQ(data["label"], "sk-tg-v1-ab12...cd34");
  EXPECT_EQ(data["limit"], 20.0);
  EXPECT_EQ(data["limit_remaining"], 17.75);
  EXPECT_EQ(data["limit_reset"], "daily");
  EXPECT_EQ(data["usage"], 12.5);
  EXPECT_EQ(data["usage_daily"], 2.25);
  EXPECT_EQ(data["usage_weekly"], 3.0);
  EXPECT_EQ(data["usage_monthly"], 4.0);
  EXPECT_EQ(data["held"], 0.5);
  for (const char* name : {"byok_usage", "byok_usage_daily", "byok_usage_weekly", "byok_usage_monthly"})
    EXPECT_TRUE(data[name].is_number()) << name;
  for (const char* name : {"include_byok_in_limit", "is_free_tier", "is_management_key", "is_provisioning_key"})
    EXPECT_TRUE(data[name].is_boolean()) << name;
  for (const char* name : {"creator_user_id", "organization_id", "expires_at"})
    EXPECT_TRUE(data.contains(name) && data[name].is_null()) << name;
  EXPECT_EQ(data["workspace_id"], "default");
  EXPECT_TRUE(data["allowed_data_regions"].is_array());
  for (const char* name : {"used", "limit", "remaining"})
    EXPECT_TRUE(data["free_model_daily_requests"][name].is_number_integer()) << name;
  EXPECT_TRUE(data["rate_limit"]["interval"].is_string());
  EXPECT_TRUE(data["rate_limit"]["note"].is_string());
  EXPECT_TRUE(data["rate_limit"]["requests"].is_number_integer());
}

TEST(AccountJson, KeyLimits) {
  v1::Key key;
  key.set_usage_nano_usd(7);
  json data = json::parse(key_json(key))["data"];
  EXPECT_TRUE(data["limit"].is_null());
  EXPECT_TRUE(data["limit_remaining"].is_null());
  EXPECT_TRUE(data["limit_reset"].is_null());
  key.set_limit_nano_usd(5);
  data = json::parse(key_json(key))["data"];
  EXPECT_EQ(data["limit_remaining"], 0.0) << "spent more than allowed";
  key.set_expires_at_ms(1747930371999);
  data = json::parse(key_json(key))["data"];
  EXPECT_EQ(data["expires_at"], "2025-05-22T16:12:51Z");
}

}  // namespace
}  // namespace tollgate
