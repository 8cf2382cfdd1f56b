// Providers that are known by the name of an upstream, with what its section need not say. The table is providers.json.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace tollgate {

struct KnownProvider {
  // As catalogs and preferences name it.
  std::string slug;
  std::string dialect;
  // Empty: the dialect's own, or the section has to say.
  std::string url;
  std::string auth;
  // Of dialect "openai": which vendor's ways it has.
  std::string preset;
};

// By the upstream's name. Any thread may call.
const std::map<std::string, KnownProvider, std::less<>>& known_providers();

// Null when the table has none.
const KnownProvider* known_provider(std::string_view upstream);

// An upstream that the table does not have is a provider of its own name.
std::string provider_slug(std::string_view upstream);

}  // namespace tollgate
