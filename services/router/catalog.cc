#include "services/router/catalog.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "builtin_catalog.h"
#include "services/common/base/errors.h"
#include "services/common/config/document.h"
#include "services/common/config/features.h"
#include "services/common/config/json_file.h"
#include "services/router/catalog_json.h"
#include "services/router/catalog_lines.h"

namespace tollgate::router {
namespace {

constexpr const char* kBuiltin = "built-in catalog";

CatalogLines builtin_models(const std::set<std::string>& upstreams, Problems& problems) {
  return read_lines(catalog_jsonl, kBuiltin, upstreams, problems);
}

// Of `models` those that `more` does not have; then `more`.
void replace(std::vector<v1::Model>& models, std::vector<v1::Model> more) {
  std::set<std::string> ids;
  for (const v1::Model& model : more)
    ids.insert(model.id());
  std::erase_if(models, [&](const v1::Model& model) { return ids.contains(model.id()); });
  std::move(more.begin(), more.end(), std::back_inserter(models));
}

CatalogLines read_models(const nlohmann::json& json, const std::set<std::string>& upstreams, Problems& problems) {
  CatalogLines read;
  Section document(json, "", problems);
  std::size_t extended = 0;
  document.choice("extends", {"nothing", "builtin"}, extended);
  std::vector<v1::Model> own;
  for (Section& section : document.sections("models")) {
    const std::string where = section.path();
    own.push_back(read_model(std::move(section)));
    for (const v1::Endpoint& endpoint : own.back().endpoints()) {
      if (!endpoint.upstream().empty() && !upstreams.contains(endpoint.upstream()))
        problems.push_back(fmt::format("{}: the upstream \"{}\" is not configured; configured are {}", where,
                                       endpoint.upstream(), fmt::join(upstreams, ", ")));
    }
  }
  document.finish();
  if (extended == 1)
    read = builtin_models(upstreams, problems);
  replace(read.models, std::move(own));
  return read;
}

absl::StatusOr<CatalogLines> read_catalog(const std::string& path, const std::set<std::string>& upstreams,
                                          Problems& problems) {
  if (path.empty())
    return builtin_models(upstreams, problems);
  if (path.ends_with(".jsonl")) {
    std::ifstream file(path, std::ios::binary);
    if (!file)
      return absl::NotFoundError(fmt::format("{}: cannot be read", path));
    const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    return read_lines(text, path, upstreams, problems);
  }
  const absl::StatusOr<nlohmann::json> json = read_json_file(path);
  if (!json.ok())
    return json.status();
  return read_models(*json, upstreams, problems);
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
  Problems problems;
  absl::StatusOr<CatalogLines> read = read_catalog(path, upstreams, problems);
  if (!read.ok())
    return read.status();
  auto table = std::make_shared<ModelTable>();
  table->unpriced_ = std::move(read->unpriced);
  table->models_ = std::move(read->models);
  for (std::size_t i = 0; i < table->models_.size(); ++i) {
    v1::Model& model = table->models_[i];
    for (v1::Endpoint& endpoint : *model.mutable_endpoints()) {
      if (const auto own = features.find(endpoint.upstream()); own != features.end())
        *endpoint.mutable_features() = merged(own->second, endpoint.features());
    }
    std::vector<std::string> names(model.aliases().begin(), model.aliases().end());
    names.push_back(model.id());
    for (const std::string& name : names) {
      const auto [other, added] = table->by_name_.emplace(name, i);
      if (!added)
        problems.push_back(
            fmt::format("models[{}]: the name \"{}\" already means {}", i, name, table->models_[other->second].id()));
    }
  }
  if (!problems.empty())
    return absl::InvalidArgumentError(
        fmt::format("{}:\n  {}", path.empty() ? kBuiltin : path, fmt::join(problems, "\n  ")));
  return std::shared_ptr<const ModelTable>(std::move(table));
}

const v1::Model* ModelTable::find(std::string_view name) const {
  auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &models_[found->second];
}

const std::set<std::string>* ModelTable::unpriced_at(std::string_view name) const {
  const auto found = unpriced_.find(name);
  return found == unpriced_.end() ? nullptr : &found->second;
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
  if (const std::set<std::string>* providers = models.unpriced_at(name))
    return error(v1::Failure::KIND_NOT_FOUND,
                 fmt::format("model: nobody knows what {} costs at {}, and no other provider of it is configured. "
                             "Give its price in a catalog.file.",
                             name, fmt::join(*providers, ", ")));
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

}  // namespace tollgate::router
