// The Ledger contract (protos/tollgate/v1/ledger.proto) as a C++ interface. Rules as for Messages; every call may be
// repeated with the same request after an error of unknown outcome.
#pragma once

#include "absl/status/statusor.h"
#include "services/common/async.h"
#include "tollgate/v1/ledger.pb.h"

namespace tollgate {

struct Ledger {
  virtual ~Ledger() = default;
  virtual Awaitable<absl::StatusOr<v1::ReserveReply>> reserve(const v1::ReserveRequest& request) = 0;
  virtual Awaitable<absl::StatusOr<v1::CheckpointReply>> checkpoint(const v1::CheckpointRequest& request) = 0;
  virtual Awaitable<absl::StatusOr<v1::SettleReply>> settle(const v1::SettleRequest& request) = 0;
  virtual Awaitable<absl::StatusOr<v1::NoteReply>> note(const v1::ActivityRecord& record) = 0;
};

}  // namespace tollgate
