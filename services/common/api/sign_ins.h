// The SignIns contract (protos/tollgate/v1/sign_in.proto) as a C++ interface. Rules as for Messages.
#pragma once

#include "absl/status/statusor.h"
#include "services/common/async.h"
#include "tollgate/v1/sign_in.pb.h"

namespace tollgate {

struct SignIns {
  virtual ~SignIns() = default;
  virtual Awaitable<absl::StatusOr<v1::CreateSignInReply>> create(const v1::CreateSignInRequest& request) = 0;
  virtual Awaitable<absl::StatusOr<v1::DeleteSignInReply>> remove(const v1::DeleteSignInRequest& request) = 0;
};

}  // namespace tollgate
