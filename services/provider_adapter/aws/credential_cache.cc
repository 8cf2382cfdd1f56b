#include "services/provider_adapter/aws/credential_cache.h"

#include <boost/asio/post.hpp>
#include <map>
#include <utility>

namespace tollgate::aws {

using std::chrono::system_clock;

// Whoever looks; however it ends, the others go on.
class CredentialCache::Turn {
 public:
  explicit Turn(CredentialCache& cache) : cache_(cache) {}
  ~Turn() { cache_.end_turn(); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  CredentialCache& cache_;
};

std::shared_ptr<CredentialCache> CredentialCache::shared(const ChainOptions& options) {
  static std::mutex mutex;
  static std::map<std::pair<std::string, std::string>, std::weak_ptr<CredentialCache>> caches;
  std::lock_guard lock(mutex);
  std::weak_ptr<CredentialCache>& slot = caches[{options.region, options.profile}];
  std::shared_ptr<CredentialCache> cache = slot.lock();
  if (cache == nullptr) {
    const auto find = [options](asio::io_context& context, Deadlines& deadlines) {
      return find_credentials(context, deadlines, options);
    };
    cache = std::make_shared<CredentialCache>(find);
    slot = cache;
  }
  return cache;
}

CredentialCache::Step CredentialCache::next_step(system_clock::time_point now) const {
  const auto lives = [&](std::chrono::seconds time) {
    return held_.credentials != nullptr && (!held_.credentials->expires || *held_.credentials->expires - now >= time);
  };
  if (lives(kAhead))
    return Step::kUse;
  const bool usable = lives(kUnusable);
  if (looking_)
    return usable ? Step::kUse : Step::kWait;
  // A failure is not asked for again at once, either.
  if (now < not_before_ && (usable || !error_.ok()))
    return Step::kUse;
  return Step::kLook;
}

void CredentialCache::end_turn() {
  std::vector<Waiter> waiters;
  {
    std::lock_guard lock(mutex_);
    looking_ = false;
    waiters.swap(waiters_);
  }
  for (Waiter& waiter : waiters) {
    const Executor executor = waiter.executor;
    asio::post(executor, [timer = std::move(waiter.timer)] { timer->cancel(); });
  }
}

bool CredentialCache::forget(std::uint64_t version) {
  std::lock_guard lock(mutex_);
  if (held_.version != version)
    return held_.credentials != nullptr;  // There are newer ones already.
  if (held_.credentials == nullptr || now_() - found_at_ < kPause)
    return false;
  held_.credentials = nullptr;
  not_before_ = {};
  return true;
}

Awaitable<absl::StatusOr<HeldCredentials>> CredentialCache::get(asio::io_context& context, Deadlines& deadlines) {
  for (;;) {
    std::shared_ptr<Timer> timer;
    {
      std::lock_guard lock(mutex_);
      const Step step = next_step(now_());
      if (step == Step::kUse) {
        if (held_.credentials != nullptr)
          co_return held_;
        co_return error_;
      }
      if (step == Step::kLook) {
        looking_ = true;
        break;
      }
      timer = std::make_shared<Timer>(context, SteadyClock::time_point::max());
      waiters_.push_back({context.get_executor(), timer});
    }
    co_await timer->async_wait(as_tuple);
  }
  const Turn turn(*this);
  absl::StatusOr<TimedCredentials> found = co_await find_(context, deadlines);
  std::lock_guard lock(mutex_);
  const system_clock::time_point now = now_();
  not_before_ = now + kPause;
  if (found.ok()) {
    error_ = absl::OkStatus();
    found_at_ = now;
    held_ = {std::make_shared<const TimedCredentials>(*std::move(found)), held_.version + 1};
    co_return held_;
  }
  error_ = found.status();
  const bool usable =
      held_.credentials != nullptr && held_.credentials->expires && *held_.credentials->expires - now >= kUnusable;
  if (usable)
    co_return held_;
  held_.credentials = nullptr;
  not_before_ = now + kRetry;
  co_return error_;
}

}  // namespace tollgate::aws
