// The form of a catalog that people write: models with their endpoints.
#pragma once

#include "services/common/config/document.h"
#include "tollgate/v1/catalog.pb.h"

namespace tollgate::router {

v1::Model read_model(Section section);

}  // namespace tollgate::router
