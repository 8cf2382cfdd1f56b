#include "services/router/catalog.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "builtin_catalog.h"
#include "services/common/access/authenticate.h"
#include "services/common/base/errors.h"
#include "services/common/config/document.h"
#include "services/common/config/features.h"
#include "services/common/config/json_file.h"

namespace tollgate::router {
namespace {

constexpr std::int64_t kMaxTokens = 100'000'000;
// A hundred times the price, in thousandths.
constexpr std::int64_t kMaxFactor = 100'000;
// Micro-USD per million tokens with all factors: 10,000 USD. The ledger takes none above.
constexpr std::int64_t kMaxPrice = 10'000'000'000;

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
  section.choice("member", {"speed", "inference_geo", "service_tier"}, member);
  constexpr v1::PriceFactor::Member kMembers[] = {v1::PriceFactor::MEMBER_SPEED, v1::PriceFactor::MEMBER_INFERENCE_GEO,
                                                  v1::PriceFactor::MEMBER_SERVICE_TIER};
  factor.set_member(kMembers[member]);
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

// What a bound on the output's price can be at most.
void check_dearest(Section& section, const v1::Endpoint& endpoint) {
  std::int64_t output = endpoint.price().output();
  for (const v1::PriceTier& tier : endpoint.price_tiers())
    output = std::max(output, tier.price().output());
  std::map<v1::PriceFactor::Member, std::int64_t> dearest;
  for (const v1::PriceFactor& factor : endpoint.price_factors())
    dearest[factor.member()] = std::max({dearest[factor.member()], factor.per_mille(), std::int64_t{1000}});
  for (const auto& [member, per_mille] : dearest) {
    output = output * per_mille / 1000;
    if (output > kMaxPrice)
      return section.problem("price_factors", "make the output dearer than 10000 USD per million tokens");
  }
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
  check_dearest(section, endpoint);
  bool bills_after_abort = false;
  section.flag("bills_after_abort", bills_after_abort);
  endpoint.set_bills_after_abort(bills_after_abort);
  read_features(section.section("features"), *endpoint.mutable_features());
  read_policies(section, endpoint);
  section.finish();
}

void read_model(Section section, v1::Model& model) {
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
}

// True when a configured upstream serves the model; endpoints of others are dropped.
bool keep_configured(v1::Model& model, const std::set<std::string>& upstreams) {
  auto& endpoints = *model.mutable_endpoints();
  endpoints.erase(
      std::remove_if(endpoints.begin(), endpoints.end(),
                     [&](const v1::Endpoint& endpoint) { return !upstreams.contains(endpoint.upstream()); }),
      endpoints.end());
  return !endpoints.empty();
}

bool are_beside(const v1::Endpoint& a, const v1::Endpoint& b) {
  return a.provider() == b.provider() && a.upstream() == b.upstream();
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const ModelTable>> ModelTable::load(
    const std::string& path, const std::set<std::string>& upstreams,
    const std::map<std::string, v1::Features>& features) {
  const bool builtin = path.empty();
  auto json = builtin ? parse_json(std::string(catalog_json), "built-in catalog") : read_json_file(path);
  if (!json.ok())
    return json.status();
  auto table = std::make_shared<ModelTable>();
  Problems problems;
  Section document(*json, "", problems);
  for (Section& section : document.sections("models")) {
    v1::Model model;
    const std::string where = section.path();
    read_model(std::move(section), model);
    if (builtin && !keep_configured(model, upstreams))
      continue;
    for (v1::Endpoint& endpoint : *model.mutable_endpoints()) {
      if (const auto own = features.find(endpoint.upstream()); own != features.end())
        *endpoint.mutable_features() = merged(own->second, endpoint.features());
      if (!endpoint.upstream().empty() && !upstreams.contains(endpoint.upstream()))
        problems.push_back(fmt::format("{}: the upstream \"{}\" is not configured; configured are {}", where,
                                       endpoint.upstream(), fmt::join(upstreams, ", ")));
    }
    std::vector<std::string> names(model.aliases().begin(), model.aliases().end());
    names.push_back(model.id());
    for (const std::string& name : names) {
      auto [other, added] = table->by_name_.emplace(name, table->models_.size());
      if (!added)
        problems.push_back(
            fmt::format("{}: the name \"{}\" already means {}", where, name,
                        other->second < table->models_.size() ? table->models_[other->second].id() : model.id()));
    }
    table->models_.push_back(std::move(model));
  }
  document.finish();
  if (!problems.empty())
    return absl::InvalidArgumentError(
        fmt::format("{}:\n  {}", builtin ? "built-in catalog" : path, fmt::join(problems, "\n  ")));
  return std::shared_ptr<const ModelTable>(std::move(table));
}

const v1::Model* ModelTable::find(std::string_view name) const {
  auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &models_[found->second];
}

const v1::Endpoint* ModelTable::endpoint_beside(const v1::Endpoint& endpoint, std::string_view upstream_model) const {
  // An upstream may report a model by another of its names.
  const v1::Model* named = find(upstream_model);
  const v1::Endpoint* by_alias = nullptr;
  for (const v1::Model& model : models_) {
    for (const v1::Endpoint& other : model.endpoints()) {
      if (!are_beside(other, endpoint))
        continue;
      if (other.upstream_model() == upstream_model)
        return &other;
      if (&model == named && by_alias == nullptr)
        by_alias = &other;
    }
  }
  return by_alias;
}

std::vector<const v1::Endpoint*> ModelTable::endpoints_beside(const v1::Endpoint& endpoint) const {
  std::vector<const v1::Endpoint*> beside;
  for (const v1::Model& model : models_) {
    for (const v1::Endpoint& other : model.endpoints()) {
      if (are_beside(other, endpoint))
        beside.push_back(&other);
    }
  }
  return beside;
}

absl::Status unknown_model(std::string_view name, const ModelTable& models) {
  const std::string wanted = lower(name.substr(name.rfind('/') + 1));
  std::vector<std::string> near;
  for (const v1::Model& model : models.models()) {
    const std::string id = lower(model.id());
    if (near.size() < 5 && !wanted.empty() &&
        (id.find(wanted) != std::string::npos || wanted.find(id.substr(id.rfind('/') + 1)) != std::string::npos))
      near.push_back(model.id());
  }
  const std::string shown(name.substr(0, 200));
  return error(v1::Failure::KIND_NOT_FOUND,
               near.empty()
                   ? fmt::format("model: {} is not in the catalog. GET /v1/models lists what is.", shown)
                   : fmt::format("model: {} is not in the catalog. Did you mean {}?", shown, fmt::join(near, ", ")));
}

Awaitable<absl::StatusOr<v1::ListModelsReply>> TableCatalog::list_models(const v1::ListModelsRequest& request) {
  const absl::Status refused = co_await authenticate_key(keys_, request.api_key());
  if (!refused.ok())
    co_return refused;
  v1::ListModelsReply reply;
  for (const v1::Model& model : models_->models())
    *reply.add_models() = model;
  co_return reply;
}

Awaitable<absl::StatusOr<v1::Model>> TableCatalog::get_model(const v1::GetModelRequest& request) {
  const absl::Status refused = co_await authenticate_key(keys_, request.api_key());
  if (!refused.ok())
    co_return refused;
  const v1::Model* model = models_->find(request.id());
  if (model == nullptr)
    co_return unknown_model(request.id(), *models_);
  co_return *model;
}

}  // namespace tollgate::router
