#include "services/router/candidates.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "services/common/base/errors.h"

namespace tollgate::router {
namespace {

constexpr std::string_view kFloor = ":floor";
constexpr std::string_view kNitro = ":nitro";

struct Asked {
  const v1::Model* model = nullptr;
  bool cheapest_first = false;
};

Asked find(std::string_view name, const ModelTable& models) {
  Asked asked;
  asked.model = models.find(name);
  for (std::string_view suffix : {kFloor, kNitro}) {
    if (asked.model == nullptr && name.size() > suffix.size() && name.substr(name.size() - suffix.size()) == suffix) {
      asked.model = models.find(name.substr(0, name.size() - suffix.size()));
      asked.cheapest_first = suffix == kFloor;
    }
  }
  return asked;
}

// A base slug means all of a provider's regions: google-vertex matches google-vertex/us-east5.
bool matches(const v1::Endpoint& endpoint, std::string_view slug) {
  const std::string_view provider = endpoint.provider();
  return provider == slug ||
         (provider.size() > slug.size() && provider.substr(0, slug.size()) == slug && provider[slug.size()] == '/');
}

std::size_t place_in(const std::vector<std::string>& slugs, const v1::Endpoint& endpoint) {
  const auto found =
      std::find_if(slugs.begin(), slugs.end(), [&](const std::string& slug) { return matches(endpoint, slug); });
  return static_cast<std::size_t>(found - slugs.begin());
}

bool allowed(const ProviderPreferences& provider, const v1::Endpoint& endpoint) {
  const bool only = provider.only.empty() || place_in(provider.only, endpoint) < provider.only.size();
  return only && place_in(provider.ignore, endpoint) == provider.ignore.size();
}

// `pattern`: a canonical id, or what it begins with and `*`.
bool is_model(const v1::Model& model, std::string_view pattern) {
  const std::string_view id = model.id();
  if (!pattern.empty() && pattern.back() == '*')
    return id.substr(0, pattern.size() - 1) == pattern.substr(0, pattern.size() - 1);
  return id == pattern;
}

bool permitted(const v1::Permissions& permissions, const Candidate& candidate) {
  const auto& models = permissions.models();
  const auto& providers = permissions.providers();
  const bool model = std::any_of(models.begin(), models.end(),
                                 [&](const std::string& pattern) { return is_model(*candidate.model, pattern); });
  const bool provider = std::any_of(providers.begin(), providers.end(),
                                    [&](const std::string& slug) { return matches(*candidate.endpoint, slug); });
  return (models.empty() || model) && (providers.empty() || provider);
}

std::int64_t list_price(const Candidate& candidate) {
  return candidate.endpoint->price().input() + candidate.endpoint->price().output();
}

}  // namespace

absl::StatusOr<std::vector<Candidate>> candidates_of(const RequestScan& scan, const ModelTable& models) {
  std::vector<std::string> names = {scan.model};
  names.insert(names.end(), scan.models.begin(), scan.models.end());
  std::vector<Candidate> all;
  std::size_t excluded = 0;
  for (const std::string& name : names) {
    const Asked asked = find(name, models);
    if (asked.model == nullptr)
      return unknown_model(name, models);
    const auto begin = static_cast<std::ptrdiff_t>(all.size());
    for (const v1::Endpoint& endpoint : asked.model->endpoints()) {
      if (allowed(scan.provider, endpoint))
        all.push_back({asked.model, &endpoint});
      else
        ++excluded;
    }
    if (asked.cheapest_first)
      std::stable_sort(all.begin() + begin, all.end(),
                       [](const Candidate& a, const Candidate& b) { return list_price(a) < list_price(b); });
    std::stable_sort(all.begin() + begin, all.end(), [&](const Candidate& a, const Candidate& b) {
      return place_in(scan.provider.order, *a.endpoint) < place_in(scan.provider.order, *b.endpoint);
    });
  }
  if (all.empty())
    return error(v1::Failure::KIND_NOT_FOUND,
                 fmt::format("model: no provider of {} is left: provider.only and provider.ignore exclude all {}.",
                             scan.model, excluded));
  if (!scan.provider.allow_fallbacks)
    all.erase(all.begin() + 1, all.end());
  return all;
}

void keep_permitted(const v1::Permissions& permissions, std::vector<Candidate>& candidates) {
  candidates.erase(std::remove_if(candidates.begin(), candidates.end(),
                                  [&](const Candidate& candidate) { return !permitted(permissions, candidate); }),
                   candidates.end());
}

}  // namespace tollgate::router
