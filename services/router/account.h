// The money side of one admitted request: its hold, what it has used so far, its settlement, and the record that goes
// with it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "services/common/api/messages.h"
#include "services/router/candidates.h"
#include "services/router/lease_keeper.h"
#include "services/router/settler.h"

namespace tollgate::router {

// Settles exactly once, by one of settle_...() or, when it is destroyed before, as settle_left().
//
// What an attempt costs: what the upstream has counted to the end (Usage.final) is charged as it is. Anything else is
// an estimate: the last report and the output that was streamed, the output alone never beyond the hold.
class Account : public Lease {
 public:
  // The services outlive it unless it has been settled. `reserved` has the beginning of its record.
  Account(Settler& settler, LeaseKeeper& keeper, std::shared_ptr<const ModelTable> models,
          const v1::ReserveRequest& reserved, const v1::ReserveReply& hold);
  ~Account() override;

  // An attempt begins. `expected`: what its prompt is charged as when the client leaves before anything is reported.
  void begin(const Candidate& candidate, v1::Usage expected);
  // Every frame of the attempt, in order.
  void note(const v1::Frame& frame);
  // The attempt has failed before the client saw anything of it: what it used is not charged.
  void forget();

  // What came before the attempt that runs.
  void set_attempts(const google::protobuf::RepeatedPtrField<v1::AttemptRecord>& attempts);
  // What its client is told, or was told of a stream that broke off.
  void failed(const v1::Failure& failure);

  // Its Done frame came; `errored`: after an error event of the upstream's own.
  bool done() const { return done_; }
  bool errored() const { return errored_; }

  // The attempt, or the last of them, has ended: its Done came, or it failed. Nothing is charged when it ended badly
  // before its first token of output and without a final count.
  void settle();
  // The same after the client had left.
  void settle_drained();
  // Nobody will learn how the attempt ends: the client has left, or this process goes. What was sent is charged.
  void settle_left();

  std::int64_t cost() const override;
  v1::Usage usage() const;
  using Lease::generation_id;

 private:
  void send_settlement(v1::UsageSource source, bool left);
  v1::ActivityRecord finished_record(bool left);
  void insure();
  std::int64_t cost_of(const v1::Usage& usage) const;

  Settler& settler_;
  std::shared_ptr<const ModelTable> models_;
  Candidate candidate_{nullptr, nullptr};
  v1::ActivityRecord record_;
  SteadyClock::time_point arrived_;
  SteadyClock::time_point attempt_began_;
  std::optional<SteadyClock::time_point> first_token_;
  // Of the attempt's response; 0: none yet.
  unsigned head_status_ = 0;
  std::string upstream_id_;
  std::optional<v1::Failure> failure_;
  v1::Usage expected_;
  v1::Usage reported_;
  std::int64_t streamed_tokens_ = 0;
  bool done_ = false;
  bool errored_ = false;
  bool insured_ = false;
  bool settled_ = false;
};

}  // namespace tollgate::router
