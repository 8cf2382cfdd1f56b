#include "services/router/catalog_diff.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "services/common/base/money.h"

namespace tollgate::router {
namespace {

// By upstream, model and canonical id.
using Key = std::tuple<std::string, std::string, std::string>;
// What is compared, as it is shown, by its name. In the order in which it is shown.
using Facts = std::vector<std::pair<std::string, std::string>>;

std::string usd(std::int64_t micro_usd) {
  return format_usd(micro_usd * (kNanoPerUsd / 1'000'000));
}

void add_prices(const std::string& where, const v1::Price& price, Facts& facts) {
  facts.emplace_back(where + "input", usd(price.input()));
  facts.emplace_back(where + "output", usd(price.output()));
  facts.emplace_back(where + "cache_read", usd(price.cache_read()));
  facts.emplace_back(where + "cache_write_5m", usd(price.cache_write_5m()));
  facts.emplace_back(where + "cache_write_1h", usd(price.cache_write_1h()));
  facts.emplace_back(where + "web_search", usd(price.web_search()));
}

Facts facts_of(const v1::Model& model, const v1::Endpoint& endpoint) {
  Facts facts;
  facts.emplace_back("provider", endpoint.provider());
  facts.emplace_back("context", std::to_string(endpoint.context_tokens()));
  facts.emplace_back("output_limit", std::to_string(endpoint.max_output_tokens()));
  add_prices("", endpoint.price(), facts);
  for (const v1::PriceTier& tier : endpoint.price_tiers())
    add_prices(fmt::format("above {}: ", tier.above_prompt_tokens()), tier.price(), facts);
  for (const v1::PriceFactor& factor : endpoint.price_factors())
    facts.emplace_back(fmt::format("{}={}", v1::PriceFactor::Member_Name(factor.member()), factor.value()),
                       fmt::format("x{}/1000", factor.per_mille()));
  facts.emplace_back("bills_after_abort", endpoint.bills_after_abort() ? "yes" : "no");
  std::vector<std::string> aliases(model.aliases().begin(), model.aliases().end());
  std::sort(aliases.begin(), aliases.end());
  facts.emplace_back("aliases", fmt::format("{}", fmt::join(aliases, " ")));
  return facts;
}

std::map<Key, Facts> endpoints_of(const ModelTable& table) {
  std::map<Key, Facts> endpoints;
  for (const v1::Model& model : table.models()) {
    for (const v1::Endpoint& endpoint : model.endpoints())
      endpoints[{endpoint.upstream(), endpoint.upstream_model(), model.id()}] = facts_of(model, endpoint);
  }
  return endpoints;
}

std::string value_of(const Facts& facts, const std::string& name) {
  const auto found = std::find_if(facts.begin(), facts.end(), [&](const auto& fact) { return fact.first == name; });
  return found == facts.end() || found->second.empty() ? "none" : found->second;
}

std::string differences(const Facts& before, const Facts& after) {
  Facts names = after;
  for (const auto& fact : before) {
    if (std::none_of(after.begin(), after.end(), [&](const auto& other) { return other.first == fact.first; }))
      names.push_back(fact);
  }
  std::vector<std::string> parts;
  for (const auto& [name, value] : names) {
    const std::string was = value_of(before, name);
    const std::string is = value_of(after, name);
    if (was != is)
      parts.push_back(fmt::format("{} {} -> {}", name, was, is));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string summary(const Key& key, const Facts& facts) {
  return fmt::format("{}: {} in, {} out, context {}", std::get<2>(key), value_of(facts, "input"),
                     value_of(facts, "output"), value_of(facts, "context"));
}

}  // namespace

std::vector<CatalogChange> difference(const ModelTable& before, const ModelTable& after) {
  using Kind = CatalogChange::Kind;
  const std::map<Key, Facts> old_ones = endpoints_of(before);
  const std::map<Key, Facts> new_ones = endpoints_of(after);
  std::vector<CatalogChange> changes;
  const auto add = [&](Kind kind, const Key& key, std::string what) {
    changes.push_back({kind, std::get<0>(key), std::get<1>(key), std::move(what)});
  };
  for (const auto& [key, facts] : old_ones) {
    const auto found = new_ones.find(key);
    if (found == new_ones.end())
      add(Kind::kRemoved, key, summary(key, facts));
    else if (found->second != facts)
      add(Kind::kChanged, key, differences(facts, found->second));
  }
  for (const auto& [key, facts] : new_ones) {
    if (!old_ones.contains(key))
      add(Kind::kAdded, key, summary(key, facts));
  }
  std::stable_sort(changes.begin(), changes.end(), [](const CatalogChange& a, const CatalogChange& b) {
    return std::tie(a.upstream, a.model) < std::tie(b.upstream, b.model);
  });
  return changes;
}

std::string price_text(const v1::Price& price) {
  std::string text = fmt::format("{} in, {} out, {} cache read, {} written for 5 min, {} for 1 h", usd(price.input()),
                                 usd(price.output()), usd(price.cache_read()), usd(price.cache_write_5m()),
                                 usd(price.cache_write_1h()));
  if (price.web_search() > 0)
    text += fmt::format(", {} a thousand searches", usd(price.web_search()));
  return text;
}

}  // namespace tollgate::router
