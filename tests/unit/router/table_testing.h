// Catalogs for tests, written out in a line or two.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "services/router/catalog.h"
#include "services/router/endpoint_health.h"

namespace tollgate::router {

struct TestEndpoint {
  std::string provider;
  // Of the prices what is given; the others are 0.1 USD.
  std::string price;
  // Further members, each with a comma before it.
  std::string more = {};
};

struct TestModel {
  std::string id;
  std::vector<TestEndpoint> endpoints;
};

// All at the upstream "u".
inline std::shared_ptr<const ModelTable> table_of(const std::vector<TestModel>& models) {
  using Json = nlohmann::json;
  const auto full_price = [](Json given) {
    Json price = {
        {"input", 0.1}, {"output", 0.1}, {"cache_read", 0.1}, {"cache_write_5m", 0.1}, {"cache_write_1h", 0.1}};
    price.update(given);
    return price;
  };
  Json document = {{"models", Json::array()}};
  for (const TestModel& each : models) {
    Json model = {{"id", each.id}, {"endpoints", Json::array()}};
    for (const TestEndpoint& given : each.endpoints) {
      Json endpoint = {{"provider", given.provider},
                       {"upstream", "u"},
                       {"model", "m"},
                       {"context_tokens", 100000},
                       {"max_output_tokens", 1000},
                       {"price_usd", full_price(Json::parse(given.price))}};
      if (!given.more.empty())
        endpoint.update(Json::parse(fmt::format("{{{}}}", given.more.substr(1))));
      if (endpoint.contains("price_tiers")) {
        for (Json& tier : endpoint["price_tiers"])
          tier["price_usd"] = full_price(tier["price_usd"]);
      }
      model["endpoints"].push_back(std::move(endpoint));
    }
    document["models"].push_back(std::move(model));
  }
  const auto path = std::filesystem::temp_directory_path() / fmt::format("table_{}.json", ::getpid());
  std::ofstream(path) << document;
  auto table = ModelTable::load(path.string(), {"u"});
  std::filesystem::remove(path);
  EXPECT_TRUE(table.ok()) << table.status();
  return *table;
}

// By provider.
struct FakeHealth : EndpointHealth {
  using Measured = std::map<std::string, std::map<double, double>>;
  std::set<std::string> outages;
  Measured throughputs;
  Measured latencies;

  static std::optional<double> find(const Measured& all, const std::string& provider, double percentile) {
    const auto known = all.find(provider);
    if (known == all.end() || !known->second.contains(percentile))
      return std::nullopt;
    return known->second.at(percentile);
  }
  bool outage(const v1::Endpoint& endpoint) const override { return outages.contains(endpoint.provider()); }
  std::optional<double> throughput(const v1::Endpoint& endpoint, double percentile) const override {
    return find(throughputs, endpoint.provider(), percentile);
  }
  std::optional<double> latency_ms(const v1::Endpoint& endpoint, double percentile) const override {
    return find(latencies, endpoint.provider(), percentile);
  }
};

}  // namespace tollgate::router
