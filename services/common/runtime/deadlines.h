// Coarse timeouts for many sockets: setting one is a store, and one timer a shard looks at them all every tick.
#pragma once

#include <boost/intrusive/list.hpp>
#include <chrono>
#include <functional>

#include "services/common/async.h"

namespace tollgate {

class Deadline;

// One for each shard; used on its thread only. Outlives its deadlines.
class Deadlines {
 public:
  explicit Deadlines(asio::io_context& context, std::chrono::milliseconds tick = std::chrono::milliseconds(100));

 private:
  friend class Deadline;
  using Hook = boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;
  void arm();
  void sweep();

  Timer timer_;
  std::chrono::milliseconds tick_;
  bool armed_ = false;
  boost::intrusive::list<Deadline, boost::intrusive::base_hook<Hook>, boost::intrusive::constant_time_size<false>>
      list_;
};

// Calls `on_expiry` once, at most one tick late, when it was set and neither set anew nor cleared in time.
class Deadline : public Deadlines::Hook {
 public:
  Deadline(Deadlines& deadlines, std::function<void()> on_expiry)
      : deadlines_(deadlines), on_expiry_(std::move(on_expiry)) {}
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  void expires_after(std::chrono::milliseconds time);
  void clear() { expiry_ = SteadyClock::time_point::max(); }
  // True from the expiry until it is set anew.
  bool expired() const { return expired_; }

 private:
  friend class Deadlines;
  Deadlines& deadlines_;
  std::function<void()> on_expiry_;
  SteadyClock::time_point expiry_ = SteadyClock::time_point::max();
  bool expired_ = false;
};

}  // namespace tollgate
