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

TEST(Catalog, TheBuiltInOneKnowsBedrock) {
  const auto table = ModelTable::load("", {"bedrock"});
  ASSERT_TRUE(table.ok()) << table.status();
  const v1::Model* model = (*table)->find("claude-opus-4-8");
  ASSERT_NE(model, nullptr);
  ASSERT_EQ(model->endpoints_size(), 1) << "what is not configured is left out";
  EXPECT_EQ(model->endpoints(0).provider(), "amazon-bedrock");
  EXPECT_EQ(model->endpoints(0).upstream_model(), "global.anthropic.claude-opus-4-8");
  EXPECT_EQ(model->endpoints(0).features().betas().rename().at("advanced-tool-use-2025-11-20"),
            "tool-search-tool-2025-10-19");
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
  const std::string dear = R"({"provider":"p","upstream":"anthropic","model":"m","context_tokens":1,
    "max_output_tokens":1,"price_usd":{"input":1,"output":10000.01,"cache_read":1,"cache_write_5m":1,"cache_write_1h":1}})";
  const std::pair<std::string, const char*> cases[] = {
      {one_model("", no_price), "models[0].endpoints[0].price_usd.output: is required"},
      {one_model("", foreign), "models[0]: the upstream \"nowhere\" is not configured; configured are anthropic"},
      {one_model("", dear), "price_usd.output: is more than 10000 USD per million tokens"},
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

std::string endpoint_with(const std::string& more) {
  const std::string whole = kEndpoint;
  return whole.substr(0, whole.size() - 1) + "," + more + "}";
}

TEST(Catalog, ReadsFactorsAndWhoBillsAfterAnAbort) {
  const auto table = load(one_model(
      R"(,"aliases":["m"])",
      endpoint_with(R"("bills_after_abort":true,"price_factors":[{"member":"speed","value":"fast","per_mille":6000},)"
                    R"({"member":"inference_geo","value":"us","per_mille":1100},)"
                    R"({"member":"service_tier","value":"batch","per_mille":500}])")));
  ASSERT_TRUE(table.ok()) << table.status();
  const v1::Endpoint& endpoint = (*table)->find("m")->endpoints(0);
  EXPECT_TRUE(endpoint.bills_after_abort());
  ASSERT_EQ(endpoint.price_factors_size(), 3);
  EXPECT_EQ(endpoint.price_factors(0).member(), v1::PriceFactor::MEMBER_SPEED);
  EXPECT_EQ(endpoint.price_factors(0).value(), "fast");
  EXPECT_EQ(endpoint.price_factors(0).per_mille(), 6000);
  EXPECT_EQ(endpoint.price_factors(1).member(), v1::PriceFactor::MEMBER_INFERENCE_GEO);
  EXPECT_EQ(endpoint.price_factors(2).member(), v1::PriceFactor::MEMBER_SERVICE_TIER);
  const auto plain = load(one_model());
  ASSERT_TRUE(plain.ok());
  EXPECT_FALSE((*plain)->models()[0].endpoints(0).bills_after_abort());
}

TEST(Catalog, FactorsAreChecked) {
  const std::pair<const char*, const char*> cases[] = {
      {R"("price_factors":[{"member":"colour","value":"x","per_mille":1}])",
       "price_factors[0].member: expected one of speed, inference_geo, service_tier, found \"colour\""},
      {R"("price_factors":[{"value":"x","per_mille":1}])", "price_factors[0].member: is required"},
      {R"("price_factors":[{"member":"speed","per_mille":1}])", "price_factors[0].value: is required"},
      {R"("price_factors":[{"member":"speed","value":"x"}])", "price_factors[0].per_mille: is required"},
      {R"("price_factors":[{"member":"speed","value":"x","per_mille":0}])", "price_factors[0].per_mille: expected"},
      {R"("price_factors":[{"member":"speed","value":"x","per_mille":1.5}])", "price_factors[0].per_mille: expected"},
      {R"("price_factors":[{"member":"speed","value":"x","per_mille":100001}])",
       "price_factors[0].per_mille: expected"},
      {R"("price_factors":[{"member":"speed","value":"x","per_mille":1,"more":1}])", "price_factors[0].more: is not"},
      {R"("price_factors":[{"member":"speed","value":"x","per_mille":1},{"member":"speed","value":"x","per_mille":2}])",
       "price_factors[1].value: \"x\" has a factor already"},
      {R"("price_factors":[{"member":"speed","value":"x","per_mille":100000},)"
       R"({"member":"service_tier","value":"x","per_mille":6667}])",
       "price_factors: make the output dearer than 10000 USD"},
      {R"("price_factors":{})", "price_factors: expected an array of objects"},
      {R"("bills_after_abort":"yes")", "bills_after_abort: expected true or false"},
  };
  for (const auto& [more, expected] : cases)
    EXPECT_THAT(std::string(load(one_model("", endpoint_with(more))).status().message()),
                HasSubstr("models[0].endpoints[0]." + std::string(expected)))
        << more;
}

TEST(Catalog, ATierKeepsThePriceOfSearches) {
  const std::string price = R"({"input":1,"output":1,"cache_read":1,"cache_write_5m":1,"cache_write_1h":1)";
  const std::string endpoint =
      R"({"provider":"p","upstream":"anthropic","model":"m","context_tokens":1,"max_output_tokens":1,"price_usd":)" +
      price + R"(,"web_search":10},"price_tiers":[{"above_prompt_tokens":5,"price_usd":)" + price +
      R"(}},{"above_prompt_tokens":6,"price_usd":)" + price + R"(,"web_search":3}}]})";
  const auto table = load(one_model("", endpoint));
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ((*table)->models()[0].endpoints(0).price_tiers(0).price().web_search(), 10'000'000);
  EXPECT_EQ((*table)->models()[0].endpoints(0).price_tiers(1).price().web_search(), 3'000'000);
}

TEST(Catalog, StreamsOfTheCloudsAreReadToTheirEnd) {
  const auto table = ModelTable::load("", {"anthropic", "bedrock", "vertex"});
  ASSERT_TRUE(table.ok()) << table.status();
  int of_clouds = 0;
  for (const v1::Model& model : (*table)->models()) {
    for (const v1::Endpoint& endpoint : model.endpoints()) {
      const bool cloud = endpoint.upstream() != "anthropic";
      EXPECT_EQ(endpoint.bills_after_abort(), cloud) << endpoint.provider() << " " << model.id();
      of_clouds += cloud ? 1 : 0;
    }
  }
  EXPECT_GE(of_clouds, 6);
}

TEST(Catalog, FindsTheOtherModelsOfAnUpstream) {
  const auto table = ModelTable::load("", {"anthropic"});
  ASSERT_TRUE(table.ok());
  const v1::Endpoint& serving = (*table)->find("claude-sonnet-4")->endpoints(0);
  const v1::Endpoint* by_name = (*table)->endpoint_beside(serving, "claude-opus-4-5-20251101");
  ASSERT_NE(by_name, nullptr);
  EXPECT_EQ(by_name->price().input(), 5'000'000);
  EXPECT_EQ((*table)->endpoint_beside(serving, "claude-opus-4-5"), by_name);
  EXPECT_EQ((*table)->endpoint_beside(serving, "claude-nobody"), nullptr);
  v1::Endpoint elsewhere = serving;
  elsewhere.set_upstream("elsewhere");
  EXPECT_EQ((*table)->endpoint_beside(elsewhere, "claude-opus-4-5"), nullptr);
  EXPECT_EQ((*table)->endpoints_beside(serving).size(), (*table)->models().size());
  EXPECT_TRUE((*table)->endpoints_beside(elsewhere).empty());
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
