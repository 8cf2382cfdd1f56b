// Why selection would choose whom.
#pragma once

#include <memory>

#include "services/common/api/keys.h"
#include "services/common/api/routing.h"
#include "services/router/candidates.h"
#include "services/router/catalog.h"
#include "services/router/endpoint_health.h"
#include "services/router/live_models.h"

namespace tollgate::router {

// `defaults`: preferences that hold beside the request's. Errors: a model that is not in the catalog, preferences that
// are wrong.
absl::StatusOr<v1::ExplainReply> explain(const v1::ExplainRequest& request, const ModelTable& models,
                                         const v1::Permissions& permissions, const std::vector<std::string>& defaults,
                                         const EndpointHealth& health);

// The preferences that hold for all requests of a key.
std::vector<std::string> default_preferences(const v1::Key& key);

// Answers callers with a valid key. `keys` outlives it.
class Explainer : public Routing {
 public:
  Explainer(LiveModels models, Keys& keys, std::shared_ptr<const EndpointHealth> health)
      : models_(std::move(models)), keys_(keys), health_(std::move(health)) {}

  Awaitable<absl::StatusOr<v1::ExplainReply>> explain(const v1::ExplainRequest& request) override;

 private:
  const LiveModels models_;
  Keys& keys_;
  std::shared_ptr<const EndpointHealth> health_;
};

}  // namespace tollgate::router
