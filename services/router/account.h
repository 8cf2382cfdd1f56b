// The money side of one admitted request: its hold, what it has used so far, its settlement.
#pragma once

#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <string>

#include "services/router/candidates.h"
#include "services/router/settler.h"

namespace tollgate::router {

class Account;

// Renews the leases of a shard's running requests, and records what each has cost so far.
class LeaseKeeper {
 public:
  LeaseKeeper(asio::io_context& context, Ledger& ledger) : context_(context), ledger_(ledger), timer_(context) {}

 private:
  friend class Account;
  using Hook = boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;
  void add(Account& account, std::chrono::milliseconds lease);
  Awaitable<void> run();

  asio::io_context& context_;
  Ledger& ledger_;
  Timer timer_;
  std::chrono::milliseconds interval_{0};
  bool running_ = false;
  boost::intrusive::list<Account, boost::intrusive::base_hook<Hook>, boost::intrusive::constant_time_size<false>>
      accounts_;
};

// Settles exactly once: by settle(), or when it is destroyed before (the client has gone, the router gave up) from
// what has been seen until then.
class Account : public LeaseKeeper::Hook {
 public:
  Account(Settler& settler, LeaseKeeper& keeper, const v1::ReserveRequest& reserved, const v1::ReserveReply& hold);
  ~Account();
  Account(const Account&) = delete;
  Account& operator=(const Account&) = delete;

  // A new attempt begins; what a failed one before it used is not charged.
  void begin(const Candidate& candidate);
  void failed();
  // Cumulative, as the upstream reports it.
  void note(const v1::Usage& usage) { usage_ = usage; }
  void note_output(std::uint32_t tokens) { streamed_tokens_ += tokens; }

  // Cost so far, nano-USD: the larger of reported and streamed output. What is only estimated stays within the hold.
  std::int64_t cost() const;
  v1::Usage usage() const;
  void settle(v1::UsageSource source);

  const std::string& generation_id() const { return generation_id_; }
  const std::string& workspace() const { return workspace_; }
  const std::string& key_hash() const { return key_hash_; }
  std::int64_t hold_nano_usd() const { return hold_nano_usd_; }

 private:
  Settler& settler_;
  std::string generation_id_;
  std::string key_hash_;
  std::string workspace_;
  std::int64_t hold_nano_usd_;
  Candidate candidate_{nullptr, nullptr};
  v1::Usage usage_;
  std::int64_t streamed_tokens_ = 0;
  bool settled_ = false;
};

}  // namespace tollgate::router
