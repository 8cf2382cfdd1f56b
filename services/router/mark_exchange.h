// Tells the other routers which endpoints have failed here, and learns which have failed there.
#pragma once

#include <map>
#include <string>

#include "services/common/api/marks.h"
#include "services/router/health/health.h"

namespace tollgate::router {

// One for each process. Used on one shard, where `marks` lives, too; that and `health` outlive it.
class MarkExchange {
 public:
  static constexpr std::chrono::milliseconds kPause{1000};

  MarkExchange(asio::io_context& context, Marks& marks, Health& health)
      : marks_(marks), health_(health), timer_(context) {}

  // Once a second, until it is cancelled. While nobody can be told or asked the router goes on with what it sees
  // itself; the log says so once, and once when it is over.
  Awaitable<void> run();

  // Once: reports what is new here, then reads what holds.
  Awaitable<absl::Status> exchange();

 private:
  Awaitable<absl::Status> report();

  Marks& marks_;
  Health& health_;
  Timer timer_;
  // Of each endpoint reported, the end that was told.
  std::map<std::string, SteadyClock::time_point> told_;
  bool alone_ = false;
};

}  // namespace tollgate::router
