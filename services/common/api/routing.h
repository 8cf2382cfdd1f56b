// The Routing contract (protos/tollgate/v1/routing.proto) as a C++ interface. Rules as for Messages.
#pragma once

#include "absl/status/statusor.h"
#include "services/common/async.h"
#include "tollgate/v1/routing.pb.h"

namespace tollgate {

struct Routing {
  virtual ~Routing() = default;
  virtual Awaitable<absl::StatusOr<v1::ExplainReply>> explain(const v1::ExplainRequest& request) = 0;
};

}  // namespace tollgate
