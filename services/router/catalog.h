// The catalog: which models there are, where each is served, and what it costs there. Read from a JSON file, never
// changed after.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/common/api/catalog.h"
#include "services/common/api/keys.h"

namespace tollgate::router {

class ModelTable {
 public:
  // `upstreams`: the configured ones; an endpoint that names another is an error. The error lists every problem with
  // its path. An empty path reads the built-in catalog, of which only models with a configured upstream are kept.
  // `features` are those of the upstreams, by their names; the endpoints add theirs.
  static absl::StatusOr<std::shared_ptr<const ModelTable>> load(
      const std::string& path, const std::set<std::string>& upstreams,
      const std::map<std::string, v1::Features>& features = {});

  // By canonical id or alias; null when unknown.
  const v1::Model* find(std::string_view name) const;
  // The endpoint of another model at the provider and upstream of `endpoint`, by that upstream's name of it or by any
  // alias; null when there is none.
  const v1::Endpoint* endpoint_beside(const v1::Endpoint& endpoint, std::string_view upstream_model) const;
  // All endpoints at the provider and upstream of `endpoint`, itself included.
  std::vector<const v1::Endpoint*> endpoints_beside(const v1::Endpoint& endpoint) const;
  const std::vector<v1::Model>& models() const { return models_; }

 private:
  std::vector<v1::Model> models_;
  std::map<std::string, std::size_t, std::less<>> by_name_;
};

// NOT_FOUND for a model that nobody serves, with the names that come near.
absl::Status unknown_model(std::string_view name, const ModelTable& models);

// Answers callers with a valid key. `keys` outlives it.
class TableCatalog : public Catalog {
 public:
  TableCatalog(std::shared_ptr<const ModelTable> models, Keys& keys) : models_(std::move(models)), keys_(keys) {}
  Awaitable<absl::StatusOr<v1::ListModelsReply>> list_models(const v1::ListModelsRequest& request) override;
  Awaitable<absl::StatusOr<v1::Model>> get_model(const v1::GetModelRequest& request) override;

 private:
  std::shared_ptr<const ModelTable> models_;
  Keys& keys_;
};

}  // namespace tollgate::router
