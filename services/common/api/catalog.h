// The Catalog contract (protos/tollgate/v1/catalog.proto) as a C++ interface. Rules as for Messages.
#pragma once

#include "absl/status/statusor.h"
#include "services/common/async.h"
#include "tollgate/v1/catalog.pb.h"

namespace tollgate {

struct Catalog {
  virtual ~Catalog() = default;
  virtual Awaitable<absl::StatusOr<v1::ListModelsReply>> list_models(const v1::ListModelsRequest& request) = 0;
  virtual Awaitable<absl::StatusOr<v1::Model>> get_model(const v1::GetModelRequest& request) = 0;
};

}  // namespace tollgate
