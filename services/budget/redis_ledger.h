// The ledger: holds and settlements of all keys, as scripts on Redis (services/budget/scripts).
#pragma once

#include "services/budget/activity_outlet.h"
#include "services/budget/key_workspaces.h"
#include "services/common/api/ledger.h"
#include "services/common/config/config.h"
#include "services/common/redis/redis.h"

namespace tollgate {

// State is in Redis alone, so any number of these, in any number of processes, serve the same keys. One for each
// shard, with the shard's own Redis.
//
// reserve(): KIND_UNAUTHENTICATED for an unknown, removed, disabled or expired key; KIND_PERMISSION_DENIED for a
// management key; KIND_RATE_LIMITED; KIND_BUDGET when settled + held + amount would pass a limit of the key or of its
// workspace; KIND_INVALID_REQUEST when the generation id is taken by another request or already settled. A repeated
// call renews the lease of its hold and succeeds again.
// checkpoint(): live = false when the generation is settled.
// settle(): the first settlement of a generation stands, unless it was made because the lease had expired. Works
// without a hold and for a removed key too. Whoever settles writes the record, in the same script.
// note(): of a key that does not exist nothing is kept.
// All: KIND_UNAVAILABLE when Redis is away, KIND_INVALID_REQUEST for malformed requests.
class RedisLedger : public Ledger {
 public:
  // `outlet`, which may be null, outlives it.
  RedisLedger(Redis& redis, const BudgetConfig& config, ActivityOutlet* outlet = nullptr);

  Awaitable<absl::StatusOr<v1::ReserveReply>> reserve(const v1::ReserveRequest& request) override;
  Awaitable<absl::StatusOr<v1::CheckpointReply>> checkpoint(const v1::CheckpointRequest& request) override;
  Awaitable<absl::StatusOr<v1::SettleReply>> settle(const v1::SettleRequest& request) override;
  Awaitable<absl::StatusOr<v1::NoteReply>> note(const v1::ActivityRecord& record) override;

 private:
  Redis& redis_;
  KeyWorkspaces workspaces_;
  const ActivityConfig activity_;
  ActivityOutlet* const outlet_;
  const milliseconds lease_;
  const std::string lease_text_;
};

}  // namespace tollgate
