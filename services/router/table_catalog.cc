#include "services/router/table_catalog.h"

#include "services/common/access/authenticate.h"

namespace tollgate::router {

Awaitable<absl::StatusOr<v1::ListModelsReply>> TableCatalog::list_models(const v1::ListModelsRequest& request) {
  const absl::Status refused = co_await authenticate_key(keys_, request.api_key());
  if (!refused.ok())
    co_return refused;
  v1::ListModelsReply reply;
  const std::shared_ptr<const ModelTable> models = models_.get();
  for (const v1::Model& model : models->models())
    *reply.add_models() = model;
  co_return reply;
}

Awaitable<absl::StatusOr<v1::Model>> TableCatalog::get_model(const v1::GetModelRequest& request) {
  const absl::Status refused = co_await authenticate_key(keys_, request.api_key());
  if (!refused.ok())
    co_return refused;
  const std::shared_ptr<const ModelTable> models = models_.get();
  const v1::Model* model = models->find(request.id());
  if (model == nullptr)
    co_return unknown_model(request.id(), *models);
  co_return *model;
}

}  // namespace tollgate::router
