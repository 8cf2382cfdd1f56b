// The catalog: which models there are, where each is served, and what it costs there. Never changed
// once it is read; LiveModels has the newest.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tollgate/v1/catalog.pb.h"

namespace tollgate::router {

class ModelTable {
 public:
  // `upstreams`: the configured ones; an endpoint of a JSON file that names another is an error. The error lists every
  // problem with its path, or with its line. An empty path reads the built-in catalog. Of that, and of a file in its
  // form (.jsonl), only endpoints of configured upstreams are kept. A JSON file with "extends": "builtin" has the
  // built-in models, too, but for those that it has itself.
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
  // The providers at which nobody knows what the model costs; null when it has none such.
  const std::set<std::string>* unpriced_at(std::string_view name) const;

 private:
  std::vector<v1::Model> models_;
  std::map<std::string, std::size_t, std::less<>> by_name_;
  std::map<std::string, std::set<std::string>, std::less<>> unpriced_;
};

// NOT_FOUND for a model that nobody serves, with the names that come near.
absl::Status unknown_model(std::string_view name, const ModelTable& models);

}  // namespace tollgate::router
