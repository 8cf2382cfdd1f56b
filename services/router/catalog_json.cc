#include "services/router/catalog_json.h"

#include <fmt/format.h>

#include "services/common/config/features.h"
#include "services/router/catalog_bounds.h"

namespace tollgate::router {
namespace {

// `web_search`: the price of searches unless the section says another.
void read_price(Section section, std::int64_t web_search, v1::Price& price) {
  const auto read = [&](const char* name, auto set) {
    std::int64_t micro_usd = 0;
    if (!section.has(name))
      section.problem(name, "is required: a price that is not known is not zero");
    section.micro_usd(name, micro_usd);
    if (micro_usd > kMaxPrice)
      section.problem(name, "is more than 10000 USD per million tokens");
    (price.*set)(micro_usd);
  };
  read("input", &v1::Price::set_input);
  read("output", &v1::Price::set_output);
  read("cache_read", &v1::Price::set_cache_read);
  read("cache_write_5m", &v1::Price::set_cache_write_5m);
  read("cache_write_1h", &v1::Price::set_cache_write_1h);
  section.micro_usd("web_search", web_search);
  price.set_web_search(web_search);
  section.finish();
}

void read_tier(Section section, v1::Endpoint& endpoint) {
  v1::PriceTier& tier = *endpoint.add_price_tiers();
  std::int64_t above = 0;
  section.integer("above_prompt_tokens", above, 1, kMaxTokens);
  tier.set_above_prompt_tokens(above);
  read_price(section.section("price_usd"), endpoint.price().web_search(), *tier.mutable_price());
  const int count = endpoint.price_tiers_size();
  if (count > 1 && above <= endpoint.price_tiers(count - 2).above_prompt_tokens())
    section.problem("above_prompt_tokens", "tiers ascend");
  section.finish();
}

void read_factor(Section section, v1::Endpoint& endpoint) {
  v1::PriceFactor factor;
  for (const char* name : {"member", "per_mille"}) {
    if (!section.has(name))
      section.problem(name, "is required");
  }
  std::size_t member = 0;
  section.choice("member", kFactorMembers, member);
  factor.set_member(static_cast<v1::PriceFactor::Member>(member + 1));
  section.required_text("value", *factor.mutable_value());
  std::int64_t per_mille = 0;
  section.integer("per_mille", per_mille, 1, kMaxFactor);
  factor.set_per_mille(per_mille);
  for (const v1::PriceFactor& other : endpoint.price_factors()) {
    if (other.member() == factor.member() && other.value() == factor.value())
      section.problem("value", fmt::format("\"{}\" has a factor already", factor.value()));
  }
  *endpoint.add_price_factors() = std::move(factor);
  section.finish();
}

// What preferences of a request ask about. What is not said is taken for the worst, but for parameters: a dialect has
// those that its requests have.
void read_policies(Section& section, v1::Endpoint& endpoint) {
  endpoint.set_quantization("unknown");
  section.text("quantization", *endpoint.mutable_quantization());
  std::vector<std::string> parameters;
  section.texts("supported_parameters", parameters);
  for (std::string& parameter : parameters)
    endpoint.add_supported_parameters(std::move(parameter));
  bool collects_data = true;
  section.flag("collects_data", collects_data);
  endpoint.set_collects_data(collects_data);
  bool zdr = false;
  section.flag("zdr", zdr);
  endpoint.set_zdr(zdr);
}

void read_endpoint(Section section, v1::Endpoint& endpoint) {
  section.required_text("provider", *endpoint.mutable_provider());
  section.required_text("upstream", *endpoint.mutable_upstream());
  section.required_text("model", *endpoint.mutable_upstream_model());
  std::int64_t tokens = 0;
  for (const char* name : {"context_tokens", "max_output_tokens"}) {
    if (!section.has(name))
      section.problem(name, "is required");
  }
  section.integer("context_tokens", tokens, 1, kMaxTokens);
  endpoint.set_context_tokens(tokens);
  tokens = 0;
  section.integer("max_output_tokens", tokens, 1, kMaxTokens);
  endpoint.set_max_output_tokens(tokens);
  read_price(section.section("price_usd"), 0, *endpoint.mutable_price());
  for (Section& tier : section.sections("price_tiers"))
    read_tier(std::move(tier), endpoint);
  for (Section& factor : section.sections("price_factors"))
    read_factor(std::move(factor), endpoint);
  if (factors_too_dear(endpoint))
    section.problem("price_factors", "make the output dearer than 10000 USD per million tokens");
  bool bills_after_abort = false;
  section.flag("bills_after_abort", bills_after_abort);
  endpoint.set_bills_after_abort(bills_after_abort);
  read_features(section.section("features"), *endpoint.mutable_features());
  read_policies(section, endpoint);
  section.finish();
}

}  // namespace

v1::Model read_model(Section section) {
  v1::Model model;
  section.required_text("id", *model.mutable_id());
  model.set_name(model.id());
  section.text("name", *model.mutable_name());
  section.text("description", *model.mutable_description());
  std::int64_t created = 0;
  section.integer("created", created, 0, 1ll << 40);
  model.set_created(created);
  std::vector<std::string> aliases;
  section.texts("aliases", aliases);
  for (std::string& alias : aliases)
    model.add_aliases(std::move(alias));
  for (Section& endpoint : section.sections("endpoints"))
    read_endpoint(std::move(endpoint), *model.add_endpoints());
  if (model.endpoints().empty())
    section.problem("endpoints", "at least one is required");
  section.finish();
  return model;
}

}  // namespace tollgate::router
