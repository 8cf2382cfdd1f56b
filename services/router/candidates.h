// Which endpoints may serve a request, and what stands against the others.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/common/base/preferences.h"
#include "services/router/catalog.h"
#include "services/router/cost_bound.h"
#include "services/router/request_scan.h"
#include "tollgate/v1/keys.pb.h"

namespace tollgate::router {

// Points into the model table.
struct Candidate {
  const v1::Model* model;
  const v1::Endpoint* endpoint;

  bool operator==(const Candidate&) const = default;
};

// A model as it was named: with its suffix, :nitro or :floor, taken off.
struct AskedModel {
  const v1::Model* model = nullptr;
  SortBy sort = SortBy::kNone;
  // Of a model that is not in the catalog but of a family that is (model_family.h): what `model` points to, and the id
  // of the one it is taken for.
  std::shared_ptr<const v1::Model> made = {};
  std::string like = {};
};

// What selection needs to know of a request.
struct SelectionAsk {
  // In the order in which they are tried, each once.
  std::vector<AskedModel> models;
  ProviderPreferences preferences;
  // Members of the body that not every endpoint takes.
  std::vector<std::string> parameters;
  CostAsk cost;
};

struct Exclusion {
  enum class By { kPreference, kPermissions };
  Candidate candidate;
  By by;
  // The preference or permission that excludes it, with the value: "provider.zdr", "provider.max_price.prompt (3 USD)".
  std::string what;
};

struct Filtered {
  // Model by model, as the catalog has them.
  std::vector<Candidate> candidates;
  std::vector<Exclusion> excluded;
};

// The models that `names` mean. NOT_FOUND names the one that is not in the catalog.
absl::StatusOr<std::vector<AskedModel>> asked_models(const std::vector<std::string>& names, const ModelTable& models);

// What a scanned request asks; its costs are not filled in.
absl::StatusOr<SelectionAsk> selection_ask(const RequestScan& scan, const ModelTable& models);

// Every endpoint of every model, on one of the two lists. allow_fallbacks excludes nothing here but, together with
// `order`, what that does not list.
Filtered filter_candidates(const SelectionAsk& ask, const v1::Permissions& permissions);

// NOT_FOUND that says what excludes whom. `defaults`: preferences of the key and its workspace played a part.
absl::Status nothing_left(const std::string& model, const std::vector<Exclusion>& excluded, bool defaults);

// The endpoint takes every parameter of the request and emits as many tokens as it asks for.
bool capable(const SelectionAsk& ask, const v1::Endpoint& endpoint);

}  // namespace tollgate::router
