// Models of Claude that came out after the catalog.
#pragma once

#include <memory>
#include <string_view>

#include "services/router/catalog.h"

namespace tollgate::router {

// What "claude-opus-6" may be taken for: the newest model of its family that is not newer than it, at the endpoints
// that call models as Anthropic does, by the name that was asked for. Null when `name` is no such name, or nobody
// serves the family. `like` becomes the id of the model whose prices and limits it has.
std::shared_ptr<const v1::Model> model_of_family(std::string_view name, const ModelTable& models, std::string* like);

}  // namespace tollgate::router
