// Catalog: the models of the table, for whom may ask.
#pragma once

#include "services/common/api/catalog.h"
#include "services/common/api/keys.h"
#include "services/router/live_models.h"

namespace tollgate::router {

// Answers callers with a valid key. `keys` outlives it.
class TableCatalog : public Catalog {
 public:
  TableCatalog(LiveModels models, Keys& keys) : models_(std::move(models)), keys_(keys) {}
  Awaitable<absl::StatusOr<v1::ListModelsReply>> list_models(const v1::ListModelsRequest& request) override;
  Awaitable<absl::StatusOr<v1::Model>> get_model(const v1::GetModelRequest& request) override;

 private:
  const LiveModels models_;
  Keys& keys_;
};

}  // namespace tollgate::router
