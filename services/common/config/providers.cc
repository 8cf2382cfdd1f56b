#include "services/common/config/providers.h"

#include <nlohmann/json.hpp>

#include "builtin_providers.h"

namespace tollgate {
namespace {

std::map<std::string, KnownProvider, std::less<>> read_table() {
  std::map<std::string, KnownProvider, std::less<>> table;
  const nlohmann::json json = nlohmann::json::parse(providers_json);
  for (const auto& [name, entry] : json.items()) {
    KnownProvider& provider = table[name];
    provider.slug = entry.value("slug", name);
    provider.dialect = entry.value("dialect", "");
    provider.url = entry.value("url", "");
    provider.auth = entry.value("auth", "");
    provider.preset = entry.value("preset", "");
  }
  return table;
}

}  // namespace

const std::map<std::string, KnownProvider, std::less<>>& known_providers() {
  static const auto table = read_table();
  return table;
}

const KnownProvider* known_provider(std::string_view upstream) {
  const auto found = known_providers().find(upstream);
  return found == known_providers().end() ? nullptr : &found->second;
}

std::string provider_slug(std::string_view upstream) {
  const KnownProvider* known = known_provider(upstream);
  return known == nullptr ? std::string(upstream) : known->slug;
}

}  // namespace tollgate
