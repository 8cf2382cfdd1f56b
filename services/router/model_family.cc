#include "services/router/model_family.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace tollgate::router {
namespace {

constexpr std::string_view kAuthor = "anthropic/";
constexpr std::array<std::string_view, 4> kFamilies = {"opus", "sonnet", "haiku", "fable"};
constexpr std::size_t kLongestName = 64;

using Version = std::vector<int>;

struct Name {
  std::string_view family;
  // Empty when the name has none ("claude-opus-latest"): newer than all.
  Version version;
};

// claude-FAMILY[-MAJOR[-MINOR]][-ANYTHING], the dot being as good as the hyphen. Names of the generations before, such
// as claude-3-opus, are of no family: their prices have nothing to do with today's.
std::optional<Name> parse(std::string_view name) {
  constexpr std::string_view kBegin = "claude-";
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789.-";
  if (!name.starts_with(kBegin) || name.size() > kLongestName || name.find_first_not_of(kLetters) != name.npos)
    return std::nullopt;
  name.remove_prefix(kBegin.size());
  const auto next = [&name] {
    const std::size_t end = std::min(name.find_first_of(".-"), name.size());
    const std::string_view part = name.substr(0, end);
    name.remove_prefix(std::min(end + 1, name.size()));
    return part;
  };
  const auto family = std::find(kFamilies.begin(), kFamilies.end(), next());
  if (family == kFamilies.end())
    return std::nullopt;
  Name parsed{*family, {}};
  while (!name.empty()) {
    const std::string_view part = next();
    // A longer number is a date.
    if (part.empty() || part.size() > 2 || part.find_first_not_of("0123456789") != part.npos)
      break;
    parsed.version.push_back(std::stoi(std::string(part)));
  }
  return parsed;
}

bool named_as_by_anthropic(const v1::Endpoint& endpoint) {
  return endpoint.upstream_model().starts_with("claude-");
}

const v1::Model* nearest(const Name& asked, const ModelTable& models) {
  constexpr int kNewest = std::numeric_limits<int>::max();
  const Version most = asked.version.empty() ? Version{kNewest} : asked.version;
  const v1::Model* best = nullptr;
  Version best_version;
  for (const v1::Model& model : models.models()) {
    const std::string_view id = model.id();
    const auto name = id.starts_with(kAuthor) ? parse(id.substr(kAuthor.size())) : std::nullopt;
    const bool serves = std::any_of(model.endpoints().begin(), model.endpoints().end(), named_as_by_anthropic);
    if (!name || name->family != asked.family || name->version.empty() || !serves)
      continue;
    // The newest of those that are not newer; when all are, the oldest.
    const bool newer = name->version > most;
    const bool best_newer = best_version > most;
    const bool better = best == nullptr || (newer != best_newer ? !newer
                                            : newer             ? name->version < best_version
                                                                : name->version > best_version);
    if (better) {
      best = &model;
      best_version = name->version;
    }
  }
  return best;
}

}  // namespace

std::shared_ptr<const v1::Model> model_of_family(std::string_view name, const ModelTable& models, std::string* like) {
  if (name.starts_with(kAuthor))
    name.remove_prefix(kAuthor.size());
  const std::optional<Name> asked = parse(name);
  const v1::Model* known = asked ? nearest(*asked, models) : nullptr;
  if (known == nullptr)
    return nullptr;
  *like = known->id();
  auto model = std::make_shared<v1::Model>();
  model->set_id(std::string(kAuthor) + std::string(name));
  model->set_name(std::string(name));
  for (const v1::Endpoint& endpoint : known->endpoints()) {
    if (!named_as_by_anthropic(endpoint))
      continue;
    v1::Endpoint& own = *model->add_endpoints();
    own = endpoint;
    own.set_upstream_model(std::string(name));
  }
  return model;
}

}  // namespace tollgate::router
