#include "services/router/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "services/common/base/errors.h"

namespace tollgate::router {
namespace {

using testing::HasSubstr;

absl::StatusOr<std::shared_ptr<const ModelTable>> load(const std::string& text) {
  const auto path = std::filesystem::temp_directory_path() / ("catalog_test_" + std::to_string(::getpid()) + ".json");
  std::ofstream(path) << text;
  auto table = ModelTable::load(path.string(), {"anthropic"});
  std::filesystem::remove(path);
  return table;
}

constexpr const char* kEndpoint =
    R"({"provider":"anthropic","upstream":"anthropic","model":"m-1","context_tokens":1000,"max_output_tokens":100,
        "price_usd":{"input":3,"output":15,"cache_read":0.3,"cache_write_5m":3.75,"cache_write_1h":6}})";

std::string one_model(const std::string& more = "", const std::string& endpoint = kEndpoint) {
  return R"({"models":[{"id":"a/m","endpoints":[)" + endpoint + "]" + more + "}]}";
}

TEST(Catalog, TheBuiltInOneIsWhole) {
  const auto table = ModelTable::load("", {"anthropic"});
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_GE((*table)->models().size(), 15u);
  for (const char* name : {"anthropic/claude-sonnet-4", "claude-sonnet-4-20250514", "claude-opus-5-5",
                           "claude-haiku-4-5-20251001", "anthropic/claude-sonnet-4.5", "anthropic/claude-sonnet-4-5"})
    EXPECT_NE((*table)->find(name), nullptr) << name;
  EXPECT_EQ((*table)->find("claude-sonnet-4-20250514")->id(), "anthropic/claude-sonnet-4");
  EXPECT_EQ((*table)->find("claude-sonnet-4")->endpoints(0).price().cache_write_1h(), 6'000'000);
  for (const v1::Model& model : (*table)->models()) {
    for (const v1::Endpoint& endpoint : model.endpoints()) {
      EXPECT_GT(endpoint.price().input(), 0) << model.id();
      EXPECT_GT(endpoint.price().output(), endpoint.price().input()) << model.id();
      EXPECT_LT(endpoint.price().cache_read(), endpoint.price().input()) << model.id();
    }
  }
}

TEST(Catalog, TheBuiltInOneKeepsWhatIsConfigured) {
  const auto table = ModelTable::load("", {"elsewhere"});
  ASSERT_TRUE(table.ok());
  EXPECT_TRUE((*table)->models().empty());
}

TEST(Catalog, ReadsExactPrices) {
  const auto table = load(one_model(R"(,"aliases":["m"])"));
  ASSERT_TRUE(table.ok()) << table.status();
  const v1::Model* model = (*table)->find("m");
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->endpoints(0).price().cache_read(), 300'000);
  EXPECT_EQ(model->endpoints(0).price().cache_write_5m(), 3'750'000);
  EXPECT_EQ((*table)->find("M"), nullptr);
}

TEST(Catalog, SaysWhatIsWrongAndWhere) {
  const std::string no_price = R"({"provider":"p","upstream":"anthropic","model":"m","context_tokens":1,
    "max_output_tokens":1,"price_usd":{"input":1}})";
  const std::string foreign = R"({"provider":"p","upstream":"nowhere","model":"m","context_tokens":1,
    "max_output_tokens":1,"price_usd":{"input":1,"output":1,"cache_read":1,"cache_write_5m":1,"cache_write_1h":1}})";
  const std::pair<std::string, const char*> cases[] = {
      {one_model("", no_price), "models[0].endpoints[0].price_usd.output: is required"},
      {one_model("", foreign), "models[0]: the upstream \"nowhere\" is not configured; configured are anthropic"},
      {one_model("", "{}"), "models[0].endpoints[0].provider: is required"},
      {R"({"models":[{"id":"a/m","endpoints":[]}]})", "models[0].endpoints: at least one is required"},
      {one_model(R"(,"aliases":["a/m"])"), "the name \"a/m\" already means a/m"},
      {one_model(R"(,"colour":"red")"), "models[0].colour: is not known here"},
      {one_model(R"(,"aliases":"m")"), "models[0].aliases: expected an array of strings"},
      {R"({"models":{}})", "models: expected an array of objects"},
      {"{", ":1: "},
  };
  for (const auto& [text, expected] : cases)
    EXPECT_THAT(std::string(load(text).status().message()), HasSubstr(expected)) << text;
}

TEST(Catalog, TiersAscend) {
  const std::string price = R"({"input":1,"output":1,"cache_read":1,"cache_write_5m":1,"cache_write_1h":1})";
  const std::string endpoint =
      R"({"provider":"p","upstream":"anthropic","model":"m","context_tokens":1,"max_output_tokens":1,"price_usd":)" +
      price + R"(,"price_tiers":[{"above_prompt_tokens":5,"price_usd":)" + price +
      R"(},{"above_prompt_tokens":5,"price_usd":)" + price + "}]}";
  EXPECT_THAT(std::string(load(one_model("", endpoint)).status().message()),
              HasSubstr("price_tiers[1].above_prompt_tokens: tiers ascend"));
}

TEST(Catalog, AnUnknownModelGetsSuggestions) {
  const auto table = ModelTable::load("", {"anthropic"});
  ASSERT_TRUE(table.ok());
  const absl::Status status = unknown_model("claude-sonnet-4.", **table);
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("Did you mean anthropic/claude-sonnet-4.6"));
  EXPECT_THAT(std::string(unknown_model("openai/gpt-5", **table).message()), HasSubstr("GET /v1/models"));
}

}  // namespace
}  // namespace tollgate::router
