// Keeps the holds of running requests alive, and the ledger informed of what each has cost so far.
#pragma once

#include <boost/intrusive/list.hpp>
#include <cstddef>
#include <cstdint>
#include <string>

#include "services/common/api/ledger.h"
#include "services/router/metrics.h"

namespace tollgate::router {

// The hold of one request. Leaves its keeper when it is destroyed.
class Lease : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  virtual ~Lease() = default;
  // What it has cost so far, nano-USD.
  virtual std::int64_t cost() const = 0;

 protected:
  Lease(const v1::ReserveRequest& reserved, const v1::ReserveReply& hold);
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  const std::string& generation_id() const { return identity_.generation_id(); }
  const std::string& workspace() const { return identity_.workspace(); }
  const std::string& key_hash() const { return identity_.key_hash(); }
  std::int64_t hold_nano_usd() const { return identity_.amount_nano_usd(); }

 private:
  friend class LeaseKeeper;
  // A checkpoint but for its cost.
  v1::CheckpointRequest identity_;
  const CountedHold counted_;
  std::chrono::milliseconds renewal_;
  // Of the last checkpoint; none yet.
  std::int64_t told_nano_usd_ = -1;
  SteadyClock::time_point told_at_;
  SteadyClock::time_point look_at_;
};

// One for each shard; used on its thread only, and there for as long as its context runs. The first checkpoint of a
// request comes a second after its admission, further ones every second while its cost changes, and every third of the
// lease in any case, so that two may get lost.
class LeaseKeeper {
 public:
  LeaseKeeper(asio::io_context& context, Ledger& ledger) : context_(context), ledger_(ledger), timer_(context) {}

  void add(Lease& lease);

 private:
  Awaitable<void> run();
  // Sends what is due; the time of the next look.
  SteadyClock::time_point look();
  Awaitable<void> send(v1::CheckpointRequest request);

  asio::io_context& context_;
  Ledger& ledger_;
  Timer timer_;
  bool running_ = false;
  SteadyClock::time_point next_;
  std::size_t under_way_ = 0;
  SteadyClock::time_point next_warning_;
  boost::intrusive::list<Lease, boost::intrusive::constant_time_size<false>> leases_;
};

}  // namespace tollgate::router
