#include "gateway/models_json.h"

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

TEST(ModelsJson, TokenPricesAreExact) {
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

TEST(ModelsJson, ModelServesBothKindsOfClients) {
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

TEST(ModelsJson, LongPromptPricesAreOverrides) {
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

TEST(ModelsJson, ListAndItsPages) {
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

}  // namespace
}  // namespace tollgate
