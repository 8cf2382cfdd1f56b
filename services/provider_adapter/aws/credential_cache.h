// The credentials that the upstreams of a process share: found once, renewed before they expire.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "services/provider_adapter/aws/credential_chain.h"

namespace tollgate::aws {

struct HeldCredentials {
  std::shared_ptr<const TimedCredentials> credentials;
  // Of this finding; see CredentialCache::forget().
  std::uint64_t version = 0;
};

// Any thread. Only one call at a time looks for credentials; the others wait for it or, while what is held is good,
// go on with that. A call that is cancelled while it looks hands over to one that waits.
class CredentialCache {
 public:
  using Find = std::function<Awaitable<absl::StatusOr<TimedCredentials>>(asio::io_context&, Deadlines&)>;
  using Now = std::function<std::chrono::system_clock::time_point()>;

  // Renewed when they have less than this to live.
  static constexpr std::chrono::seconds kAhead{300};
  // Not used when they have less than this to live.
  static constexpr std::chrono::seconds kUnusable{10};
  // From one look to the next, when it brought nothing that lives longer.
  static constexpr std::chrono::seconds kPause{10};
  // The same after a look that brought nothing at all.
  static constexpr std::chrono::seconds kRetry{1};

  explicit CredentialCache(Find find, Now now = std::chrono::system_clock::now)
      : find_(std::move(find)), now_(std::move(now)) {}

  // The one cache of the process for these options.
  static std::shared_ptr<CredentialCache> shared(const ChainOptions& options);

  // `context`, `deadlines`: the caller's shard's. Errors as find_credentials().
  Awaitable<absl::StatusOr<HeldCredentials>> get(asio::io_context& context, Deadlines& deadlines);
  // The upstream refused them. True when the next get() looks anew: not twice within kPause.
  bool forget(std::uint64_t version);

 private:
  class Turn;
  struct Waiter {
    Executor executor;
    std::shared_ptr<Timer> timer;
  };
  enum class Step { kUse, kWait, kLook };

  Step next_step(std::chrono::system_clock::time_point now) const;
  void end_turn();

  const Find find_;
  const Now now_;
  std::mutex mutex_;
  HeldCredentials held_;
  absl::Status error_;
  // No look before this.
  std::chrono::system_clock::time_point not_before_;
  std::chrono::system_clock::time_point found_at_;
  bool looking_ = false;
  std::vector<Waiter> waiters_;
};

}  // namespace tollgate::aws
