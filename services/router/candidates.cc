#include "services/router/candidates.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <string_view>

#include "services/common/base/errors.h"
#include "services/common/base/money.h"
#include "services/router/model_family.h"

namespace tollgate::router {
namespace {

constexpr std::pair<std::string_view, SortBy> kSuffixes[] = {{":floor", SortBy::kPrice},
                                                             {":nitro", SortBy::kThroughput}};
// Of one preference, in a message.
constexpr std::size_t kShownProviders = 10;

void take_family(std::string_view name, const ModelTable& models, AskedModel& asked) {
  if (models.unpriced_at(name) != nullptr)
    return;
  for (const auto& [suffix, sort] : kSuffixes) {
    if (name.ends_with(suffix)) {
      name.remove_suffix(suffix.size());
      asked.sort = sort;
    }
  }
  asked.made = model_of_family(name, models, &asked.like);
  asked.model = asked.made.get();
}

AskedModel find(std::string_view name, const ModelTable& models) {
  AskedModel asked{models.find(name)};
  for (const auto& [suffix, sort] : kSuffixes) {
    if (asked.model == nullptr && name.size() > suffix.size() && name.ends_with(suffix))
      asked = {models.find(name.substr(0, name.size() - suffix.size())), sort};
  }
  if (asked.model == nullptr)
    take_family(name, models, asked);
  return asked;
}

bool any_means(const std::vector<std::string>& slugs, const v1::Endpoint& endpoint) {
  return std::any_of(slugs.begin(), slugs.end(),
                     [&](const std::string& slug) { return slug_means(slug, endpoint.provider()); });
}

template <class Texts>
bool contains(const Texts& texts, const std::string& text) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

// `pattern`: a canonical id, or what it begins with and `*`.
bool is_model(const v1::Model& model, std::string_view pattern) {
  const std::string_view id = model.id();
  if (pattern.ends_with('*'))
    return id.starts_with(pattern.substr(0, pattern.size() - 1));
  return id == pattern;
}

bool permitted(const v1::Permissions& permissions, const Candidate& candidate) {
  const auto& models = permissions.models();
  const auto& providers = permissions.providers();
  const bool model = std::any_of(models.begin(), models.end(),
                                 [&](const std::string& pattern) { return is_model(*candidate.model, pattern); });
  const bool provider = std::any_of(providers.begin(), providers.end(), [&](const std::string& slug) {
    return slug_means(slug, candidate.endpoint->provider());
  });
  return (models.empty() || model) && (providers.empty() || provider);
}

const v1::Price& price_at(std::int64_t prompt_tokens, const v1::Endpoint& endpoint) {
  const v1::Price* price = &endpoint.price();
  for (const v1::PriceTier& tier : endpoint.price_tiers()) {
    if (prompt_tokens > tier.above_prompt_tokens())
      price = &tier.price();
  }
  return *price;
}

// Micro-USD per million tokens at the speed that the request asks for.
std::int64_t at_speed(std::int64_t price, const std::string& speed, const v1::Endpoint& endpoint) {
  for (const v1::PriceFactor& factor : endpoint.price_factors()) {
    if (factor.member() == v1::PriceFactor::MEMBER_SPEED && factor.value() == speed)
      return price * factor.per_mille() / 1000;
  }
  return price;
}

std::string over_price(const SelectionAsk& ask, const v1::Endpoint& endpoint) {
  const MaxPrice& most = ask.preferences.max_price;
  const v1::Price& price = price_at(expected_input_tokens(ask.cost, endpoint), endpoint);
  const auto over = [&](const char* name, std::int64_t micro_usd, const std::optional<std::int64_t>& bound) {
    const std::int64_t asked = at_speed(micro_usd, ask.cost.speed, endpoint);
    return bound && asked > *bound
               ? fmt::format("provider.max_price.{} ({} USD)", name, format_usd(*bound * (kNanoPerUsd / 1'000'000)))
               : std::string();
  };
  const std::string prompt = over("prompt", price.input(), most.prompt);
  return prompt.empty() ? over("completion", price.output(), most.completion) : prompt;
}

// The first member of the request that the endpoint does not take; null when it takes all.
const std::string* unsupported(const SelectionAsk& ask, const v1::Endpoint& endpoint) {
  const auto& own = endpoint.supported_parameters();
  const auto& supported = own.empty() ? endpoint.features().parameters() : own;
  if (supported.empty())
    return nullptr;
  for (const std::string& parameter : ask.parameters) {
    if (!contains(supported, parameter))
      return &parameter;
  }
  return nullptr;
}

bool emits_enough(const SelectionAsk& ask, const v1::Endpoint& endpoint) {
  return ask.cost.max_tokens.value_or(0) <= endpoint.max_output_tokens();
}

// The preference that excludes an endpoint; empty when none does.
std::string excluded_by(const SelectionAsk& ask, const v1::Endpoint& endpoint) {
  const ProviderPreferences& wanted = ask.preferences;
  if (wanted.only && !any_means(*wanted.only, endpoint))
    return "provider.only";
  if (any_means(wanted.ignore, endpoint))
    return "provider.ignore";
  if (!wanted.allow_fallbacks && !wanted.order.empty() && !any_means(wanted.order, endpoint))
    return "provider.order without fallbacks";
  if (wanted.deny_data_collection && endpoint.collects_data())
    return "provider.data_collection (deny)";
  if (wanted.zdr && !endpoint.zdr())
    return "provider.zdr";
  if (wanted.quantizations && !contains(*wanted.quantizations, endpoint.quantization()))
    return fmt::format("provider.quantizations ({})", fmt::join(*wanted.quantizations, ", "));
  if (std::string over = over_price(ask, endpoint); !over.empty())
    return over;
  if (wanted.require_parameters) {
    if (const std::string* parameter = unsupported(ask, endpoint))
      return fmt::format("provider.require_parameters ({})", parameter->substr(0, 64));
    if (!emits_enough(ask, endpoint))
      return "provider.require_parameters (max_tokens)";
  }
  return {};
}

}  // namespace

absl::StatusOr<std::vector<AskedModel>> asked_models(const std::vector<std::string>& names, const ModelTable& models) {
  std::vector<AskedModel> all;
  for (const std::string& name : names) {
    const AskedModel asked = find(name, models);
    if (asked.model == nullptr)
      return unknown_model(name, models);
    const bool again = std::any_of(all.begin(), all.end(),
                                   [&](const AskedModel& other) { return other.model->id() == asked.model->id(); });
    if (!again)
      all.push_back(asked);
  }
  return all;
}

absl::StatusOr<SelectionAsk> selection_ask(const RequestScan& scan, const ModelTable& models) {
  std::vector<std::string> names = {scan.model};
  names.insert(names.end(), scan.models.begin(), scan.models.end());
  absl::StatusOr<std::vector<AskedModel>> asked = asked_models(names, models);
  if (!asked.ok())
    return asked.status();
  SelectionAsk ask;
  ask.models = *std::move(asked);
  ask.preferences = scan.provider;
  ask.parameters = scan.parameters;
  ask.cost.max_tokens = scan.max_tokens;
  ask.cost.speed = scan.speed;
  return ask;
}

Filtered filter_candidates(const SelectionAsk& ask, const v1::Permissions& permissions) {
  Filtered filtered;
  for (const AskedModel& asked : ask.models) {
    for (const v1::Endpoint& endpoint : asked.model->endpoints()) {
      const Candidate candidate{asked.model, &endpoint};
      std::string what = excluded_by(ask, endpoint);
      if (!what.empty())
        filtered.excluded.push_back({candidate, Exclusion::By::kPreference, std::move(what)});
      else if (!permitted(permissions, candidate))
        filtered.excluded.push_back({candidate, Exclusion::By::kPermissions, "the key's permissions"});
      else
        filtered.candidates.push_back(candidate);
    }
  }
  return filtered;
}

absl::Status nothing_left(const std::string& model, const std::vector<Exclusion>& excluded, bool defaults) {
  std::map<std::string, std::vector<std::string>> by_preference;
  for (const Exclusion& exclusion : excluded) {
    std::vector<std::string>& providers = by_preference[exclusion.what];
    const std::string& provider = exclusion.candidate.endpoint->provider();
    if (providers.size() <= kShownProviders && !contains(providers, provider))
      providers.push_back(providers.size() == kShownProviders ? "..." : provider);
  }
  std::vector<std::string> parts;
  for (const auto& [what, providers] : by_preference)
    parts.push_back(fmt::format("{} excludes {}", what, fmt::join(providers, ", ")));
  return error(v1::Failure::KIND_NOT_FOUND,
               fmt::format("model: no provider of {} is left: {}.{}", model.substr(0, 200), fmt::join(parts, "; "),
                           defaults ? " The defaults of the key and its workspace count, too." : ""));
}

bool capable(const SelectionAsk& ask, const v1::Endpoint& endpoint) {
  return unsupported(ask, endpoint) == nullptr && emits_enough(ask, endpoint);
}

}  // namespace tollgate::router
