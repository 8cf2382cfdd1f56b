// The Keys contract (protos/tollgate/v1/keys.proto) as a C++ interface. Rules as for Messages.
#pragma once

#include "absl/status/statusor.h"
#include "services/common/async.h"
#include "tollgate/v1/keys.pb.h"

namespace tollgate {

struct Keys {
  virtual ~Keys() = default;
  virtual Awaitable<absl::StatusOr<v1::CreateKeyReply>> create(const v1::CreateKeyRequest& request) = 0;
  virtual Awaitable<absl::StatusOr<v1::ListKeysReply>> list(const v1::ListKeysRequest& request) = 0;
  virtual Awaitable<absl::StatusOr<v1::Key>> get(const v1::GetKeyRequest& request) = 0;
  virtual Awaitable<absl::StatusOr<v1::Key>> update(const v1::UpdateKeyRequest& request) = 0;
  virtual Awaitable<absl::StatusOr<v1::DeleteKeyReply>> remove(const v1::DeleteKeyRequest& request) = 0;
};

}  // namespace tollgate
