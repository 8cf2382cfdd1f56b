// What the built-in catalog makes of requests, worked out by hand from the providers' price lists.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>
#include <cstdio>
#include <fstream>

#include "services/common/config/providers.h"
#include "services/router/catalog.h"
#include "services/router/catalog_text.h"
#include "services/router/cost.h"

namespace tollgate::router {
namespace {

std::shared_ptr<const ModelTable> table(const std::set<std::string>& upstreams) {
  auto table = ModelTable::load("", upstreams);
  EXPECT_TRUE(table.ok()) << table.status();
  return *table;
}

std::set<std::string> all_upstreams() {
  std::set<std::string> names;
  for (const auto& [name, provider] : known_providers())
    names.insert(name);
  return names;
}

struct Used {
  std::int64_t input = 0;
  std::int64_t output = 0;
  std::int64_t read = 0;
  std::int64_t written_5m = 0;
  std::int64_t written_1h = 0;
  std::int64_t searches = 0;
};

v1::Usage usage_of(const Used& used) {
  v1::Usage usage;
  usage.set_input_tokens(used.input);
  usage.set_output_tokens(used.output);
  usage.set_cache_read_tokens(used.read);
  usage.set_cache_write_5m_tokens(used.written_5m);
  usage.set_cache_write_1h_tokens(used.written_1h);
  usage.set_web_search_requests(used.searches);
  return usage;
}

TEST(BuiltinCatalog, WorkedCosts) {
  struct Row {
    const char* upstream;
    const char* model;
    Used used;
    std::int64_t nano_usd;
  };
  const Row rows[] = {
      // 1000 x 5 + 200 x 25 = 10,000 micro-USD
      {"anthropic", "claude-opus-5", {1000, 200}, 10'000'000},
      // Cache reads are no tenth of the input any more: 10,000 x 0.2 at 4 USD of input (0.05), 0.1 at 2 (0.05).
      {"anthropic", "claude-opus-5-5", {0, 0, 10'000}, 2'000'000},
      {"anthropic", "claude-sonnet-5-5", {0, 0, 10'000}, 1'000'000},
      {"anthropic", "claude-sonnet-5", {0, 0, 10'000}, 2'000'000},
      // 0.025 of 8 USD
      {"anthropic", "claude-fable-5-2", {0, 0, 10'000}, 2'000'000},
      // For an hour twice the input: 1000 x 4 x 2; for five minutes 1.25 times: 1000 x 5
      {"anthropic", "claude-opus-5-5", {0, 0, 0, 0, 1000}, 8'000'000},
      {"anthropic", "claude-opus-5-5", {0, 0, 0, 1000}, 5'000'000},
      // Three searches at 10 USD a thousand
      {"anthropic", "claude-haiku-4-5", {0, 0, 0, 0, 0, 3}, 30'000'000},
      // The tier counts the whole prompt, cached or not: 100,001 tokens. 1 x 0.5 + 100,000 x 0.05 + 10 x 2.5 = 5,025.5
      {"anthropic", "claude-haiku-5-5", {1, 10, 100'000}, 5'025'500},
      // One less: 100,000 x 0.01 + 10 x 0.5 = 1,005
      {"anthropic", "claude-haiku-5-5", {0, 10, 100'000}, 1'005'000},
      // 300,000 x 6 + 100 x 22.5
      {"anthropic", "claude-sonnet-4-5", {300'000, 100}, 1'802'250'000},
      // Regional profiles of Bedrock cost a tenth more, global ones do not: 1000 x 5.5 + 200 x 27.5
      {"bedrock-eu", "claude-opus-5", {1000, 200}, 11'000'000},
      {"bedrock", "claude-opus-5", {1000, 200}, 10'000'000},
      {"vertex", "claude-opus-5", {1000, 200}, 10'000'000},
      // 10,000 x 0.3 + 90,000 x 0.006 + 1000 x 1.2 = 3,000 + 540 + 1,200
      {"deepseek", "deepseek-flash", {10'000, 1000, 90'000}, 4'740'000},
      // Above 272,000 tokens: 300,000 x 4 + 1000 x 18
      {"openai", "gpt-5.6-terra", {300'000, 1000}, 1'218'000'000},
      // Without a price for writing a cache such tokens are input: 1000 x 5
      {"openai", "chat-latest", {0, 0, 0, 1000}, 5'000'000},
      // 1000 x 0.8 + 1000 x 1.2
      {"morph", "morph-v3-fast", {1000, 1000}, 2'000'000},
      {"openrouter", "google/gemma-4-31b-it:free", {1000, 1000}, 0},
  };
  for (const Row& row : rows) {
    const auto models = table({row.upstream});
    const v1::Model* model = models->find(row.model);
    ASSERT_NE(model, nullptr) << row.upstream << " " << row.model;
    ASSERT_EQ(model->endpoints_size(), 1) << row.model;
    EXPECT_EQ(cost_of(usage_of(row.used), model->endpoints(0), [](std::string_view) { return nullptr; }), row.nano_usd)
        << row.upstream << " " << row.model;
  }
}

TEST(BuiltinCatalog, EveryClaudeHasEveryNameEverywhere) {
  const char* names[][3] = {{"anthropic/claude-opus-4.5", "claude-opus-4-5", "claude-opus-4-5-20251101"},
                            {"anthropic/claude-sonnet-4.5", "claude-sonnet-4-5", "claude-sonnet-4-5-20250929"},
                            {"anthropic/claude-haiku-4.5", "claude-haiku-4-5", "claude-haiku-4-5-20251001"},
                            {"anthropic/claude-opus-4.1", "claude-opus-4-1", "claude-opus-4-1-20250805"},
                            {"anthropic/claude-opus-4", "claude-opus-4-0", "claude-opus-4-20250514"},
                            {"anthropic/claude-sonnet-4", "claude-sonnet-4-0", "claude-sonnet-4-20250514"},
                            {"anthropic/claude-opus-4.6", "claude-opus-4-6", "anthropic/claude-opus-4-6"},
                            {"anthropic/claude-opus-4.7", "claude-opus-4-7", "anthropic/claude-opus-4-7"},
                            {"anthropic/claude-opus-4.8", "claude-opus-4-8", "anthropic/claude-opus-4-8"},
                            {"anthropic/claude-opus-5", "claude-opus-5", "claude-opus-5"},
                            {"anthropic/claude-opus-5.5", "claude-opus-5-5", "anthropic/claude-opus-5-5"},
                            {"anthropic/claude-sonnet-4.6", "claude-sonnet-4-6", "anthropic/claude-sonnet-4-6"},
                            {"anthropic/claude-sonnet-5", "claude-sonnet-5", "claude-sonnet-5"},
                            {"anthropic/claude-sonnet-5.5", "claude-sonnet-5-5", "anthropic/claude-sonnet-5-5"},
                            {"anthropic/claude-haiku-5.5", "claude-haiku-5-5", "anthropic/claude-haiku-5-5"},
                            {"anthropic/claude-fable-5", "claude-fable-5", "claude-fable-5"},
                            {"anthropic/claude-fable-5.1", "claude-fable-5-1", "anthropic/claude-fable-5-1"},
                            {"anthropic/claude-fable-5.2", "claude-fable-5-2", "anthropic/claude-fable-5-2"}};
  for (const char* upstream : {"anthropic", "bedrock", "bedrock-us", "openrouter", "vercel", "vertex"}) {
    const auto models = table({upstream});
    for (const auto& [id, alias, other] : names) {
      const v1::Model* model = models->find(id);
      if (model == nullptr && std::string(upstream) != "anthropic")
        continue;
      ASSERT_NE(model, nullptr) << upstream << " " << id;
      EXPECT_EQ(models->find(alias), model) << upstream << " " << alias;
      EXPECT_EQ(models->find(other), model) << upstream << " " << other;
    }
  }
}

TEST(BuiltinCatalog, NothingIsFreeByMistake) {
  const auto models = table(all_upstreams());
  std::size_t endpoints = 0;
  for (const v1::Model& model : models->models()) {
    for (const v1::Endpoint& endpoint : model.endpoints()) {
      ++endpoints;
      const v1::Price& price = endpoint.price();
      const bool free = price.input() == 0 && price.output() == 0;
      EXPECT_TRUE(free || (price.input() > 0 && price.output() > 0 && price.cache_read() > 0 &&
                           price.cache_write_5m() > 0 && price.cache_write_1h() > 0))
          << endpoint.upstream() << " " << endpoint.upstream_model();
    }
  }
  EXPECT_GE(endpoints, 1000u);
  EXPECT_EQ(models->find("deepseek-ai/DeepSeek-R1-0528-nobody"), nullptr);
  ASSERT_NE(models->unpriced_at("openrouter/auto"), nullptr);
  EXPECT_THAT(std::string(unknown_model("openrouter/auto", *models).message()),
              testing::HasSubstr("nobody knows what openrouter/auto costs at openrouter"));
}

TEST(BuiltinCatalog, EveryUpstreamIsAKnownProvider) {
  const absl::StatusOr<std::string> text = catalog_text("");
  ASSERT_TRUE(text.ok());
  EXPECT_LT(text->size(), 1'000'000u);
  const std::set<std::string> upstreams = catalog_upstreams(*text);
  for (const std::string& upstream : upstreams)
    EXPECT_NE(known_provider(upstream), nullptr) << upstream;
  for (const auto& [name, provider] : known_providers())
    EXPECT_TRUE(upstreams.contains(name)) << name << " has no model";
}

TEST(BuiltinCatalog, SaysWhereItsPricesComeFrom) {
  const std::string text = *catalog_text("");
  EXPECT_EQ(price_sources(text, "anthropic", "claude-fable-5"),
            "tokens from pi: @earendil-works/pi-ai 1.5.2 of 2026-11-10, MIT\n"
            "cache writes for 1 h from genai: @pydantic/genai-prices 0.1.8 of 2026-09-23, MIT\n"
            "web searches from genai: @pydantic/genai-prices 0.1.8 of 2026-09-23, MIT");
  EXPECT_THAT(price_sources(text, "morph", "morph-v3-fast"), testing::StartsWith("tokens from tollgate: "));
  EXPECT_EQ(price_sources(text, "anthropic", "nobody"), "");
  EXPECT_EQ(price_sources("[]", "anthropic", "nobody"), "");
}

TEST(BuiltinCatalog, IsAddedToByAFileOfOnesOwn) {
  const std::string endpoint =
      R"({"provider":"anthropic","upstream":"anthropic","model":"claude-opus-5","context_tokens":1000,
          "max_output_tokens":100,"price_usd":{"input":4,"output":20,"cache_read":1,"cache_write_5m":1,"cache_write_1h":1}})";
  const auto path = testing::TempDir() + "/extends_" + std::to_string(::getpid()) + ".json";
  std::ofstream(path) << R"({"extends":"builtin","models":[
    {"id":"anthropic/claude-opus-5","endpoints":[)" +
                             endpoint + R"(]},
    {"id":"mine/model","aliases":["mine"],"endpoints":[)" +
                             endpoint + "]}]}";
  const auto models = ModelTable::load(path, {"anthropic"});
  std::remove(path.c_str());
  ASSERT_TRUE(models.ok()) << models.status();
  EXPECT_EQ((*models)->find("anthropic/claude-opus-5")->endpoints(0).price().input(), 4'000'000);
  EXPECT_NE((*models)->find("mine"), nullptr);
  EXPECT_NE((*models)->find("claude-opus-4-8"), nullptr);
}

}  // namespace
}  // namespace tollgate::router
