// A catalog that changes while Tollgate serves by it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/integration/system/suite.h"

namespace tollgate::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class CatalogSystemTest : public ::testing::TestWithParam<Form> {};

INSTANTIATE_TEST_SUITE_P(, CatalogSystemTest, ::testing::Values(Form::kOneProcess, Form::kFiveProcesses),
                         [](const auto& form) { return name_of(form.param); });

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + part.size()))
    ++found;
  return found;
}

// Waits for the next of such lines in the log.
bool logs_again(Suite& suite, const std::string& event, std::size_t before) {
  return wait_until([&] { return count(suite.router().standard_error(), event) > before; });
}

double cost_of_one(Suite& suite, const std::string& name) {
  const std::string key = suite.create_key(name);
  HttpExchange exchange = suite.message(key, false);
  EXPECT_EQ(exchange.status(), 200u) << exchange.body();
  exchange.body();
  double cost = 0;
  EXPECT_TRUE(wait_until([&] {
    const json shown = suite.key(name);
    cost = shown.at("usage").get<double>();
    return cost > 0 && shown.at("held") == 0;
  }));
  return cost;
}

TEST_P(CatalogSystemTest, ReloadsUnderLoadDropNoRequest) {
  Suite suite(GetParam());
  const std::string key = suite.create_key("ci");
  std::atomic<bool> stop = false;
  std::atomic<int> served = 0;
  std::atomic<int> failed = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&, stream = i % 2 == 0] {
      while (!stop) {
        HttpExchange exchange = suite.message(key, stream);
        const bool ok = exchange.status() == 200 && !exchange.body().empty() && exchange.complete();
        ++(ok ? served : failed);
      }
    });
  }
  for (int round = 1; round <= 4; ++round) {
    const std::string log = suite.router().standard_error();
    const std::size_t reloaded = count(log, "catalog_reloaded");
    const std::size_t refused = count(log, "catalog_refused");
    const int before = served;
    suite.replace_catalog(suite.catalog(round + 1).dump());
    EXPECT_TRUE(logs_again(suite, "catalog_reloaded", reloaded));
    // Cut off in the middle: not JSON any more.
    suite.replace_catalog(suite.catalog(100).dump().substr(0, 150));
    EXPECT_TRUE(logs_again(suite, "catalog_refused", refused));
    EXPECT_TRUE(wait_until([&] { return served >= before + 8; }));
  }
  stop = true;
  for (std::thread& client : clients)
    client.join();
  EXPECT_EQ(failed, 0);
  EXPECT_THAT(suite.router().standard_error(), HasSubstr("catalog.json:1: "));
  EXPECT_TRUE(wait_until([&] { return suite.key("ci").at("held") == 0; }));
}

TEST_P(CatalogSystemTest, NewPricesHoldAndBadOnesDoNot) {
  Suite suite(GetParam());
  const double once = cost_of_one(suite, "one");
  suite.replace_catalog(suite.catalog(3).dump());
  ASSERT_TRUE(logs_again(suite, "catalog_reloaded", 0));
  EXPECT_NEAR(cost_of_one(suite, "three"), 3 * once, 1e-9);
  json wrong = suite.catalog(9);
  wrong["models"][0]["endpoints"][0]["price_usd"].erase("output");
  suite.replace_catalog(wrong.dump());
  ASSERT_TRUE(logs_again(suite, "catalog_refused", 0));
  EXPECT_THAT(suite.router().standard_error(),
              HasSubstr("models[0].endpoints[0].price_usd.output: is required: a price that is not known is not zero"));
  EXPECT_NEAR(cost_of_one(suite, "still"), 3 * once, 1e-9);
}

TEST_P(CatalogSystemTest, ShowsAndComparesFromTheCommandLine) {
  Suite suite(GetParam());
  const std::string shown = suite.tollgate({"catalog", "show", "--json"});
  EXPECT_EQ(json::parse(shown).at(0).at("id"), "test/model");
  EXPECT_EQ(json::parse(shown).at(0).at("price_usd").at("output"), 2);
  EXPECT_THAT(suite.tollgate({"catalog", "show", "model"}), HasSubstr("1 in, 2 out, 0.1 cache read"));
  int code = 0;
  EXPECT_THAT(suite.tollgate({"catalog", "show", "claude-opus-5"}, &code), HasSubstr("is not in the catalog"));
  EXPECT_NE(code, 0);
  EXPECT_THAT(suite.tollgate({"catalog", "show", "claude-opus-5", "--all"}),
              HasSubstr("tokens from pi: @earendil-works/pi-ai 1.5.2 of 2026-11-10, MIT"));
}

}  // namespace
}  // namespace tollgate::testing
