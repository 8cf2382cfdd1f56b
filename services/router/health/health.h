// What this process knows about its upstreams: who fails, who is slow, who is full. Learned from every attempt, and
// from the other routers' marks.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/statusor.h"
#include "services/router/endpoint_health.h"
#include "services/router/health/breaker.h"
#include "services/router/health/retry_budget.h"
#include "services/router/health/rolling_counts.h"
#include "services/router/health/rolling_percentiles.h"
#include "tollgate/v1/failure.pb.h"
#include "tollgate/v1/health.pb.h"

namespace tollgate::router {

// Of a configured upstream.
struct UpstreamBounds {
  // What connections are made to: upstreams at one host share its breaker.
  std::string host;
  // Attempts at once, at each of its endpoints.
  std::uint32_t max_in_flight = 4096;
  // By then a connection stands or has failed.
  std::chrono::milliseconds connect_timeout{5000};
};

// What a successful attempt was like, as far as it could be measured.
struct Performance {
  std::optional<double> first_token_ms;
  std::optional<double> tokens_per_second;
};

// One for each process, shared by its shards. Any thread; never blocks for long. Its size is bounded by the number of
// endpoints, of which it knows at most kMostEndpoints.
//
// An outage begins, and lasts for 30 s from the last failure that shows it, when
//  - three or more attempts have failed in the last 30 s, and they are half of all or more: a lone failure among
//    hundreds is none, and neither are some that chance brings;
//  - two have failed and none succeeded: where there is little traffic, a third client need not find out, too;
//  - five in a row have failed: where there is much traffic, half a minute of successes does not hide that it is over;
//  - one fails after an outage, none having succeeded since: it is not over.
// What the client is to blame for counts as nothing. Rate limits count apart: the endpoint is up, but comes last until
// it wants to be asked again.
class Health : public EndpointHealth {
 public:
  static constexpr std::chrono::seconds kOutage{30};
  // A rate limit that does not say for how long.
  static constexpr std::chrono::milliseconds kLimited{5000};
  static constexpr std::size_t kMostEndpoints = 4096;

  // `clock` and `random` (0 to 1) are called under a lock.
  explicit Health(std::map<std::string, UpstreamBounds> upstreams = {},
                  std::function<HealthTime()> clock = std::chrono::steady_clock::now,
                  std::function<double()> random = {});
  ~Health() override;

  bool outage(const v1::Endpoint& endpoint) const override;
  std::optional<double> throughput(const v1::Endpoint& endpoint, double percentile) const override;
  std::optional<double> latency_ms(const v1::Endpoint& endpoint, double percentile) const override;

 private:
  struct State;
  struct Host;

 public:
  // One attempt that was let through. In flight until it is destroyed; without a verdict by then (its client has left)
  // it counts as nothing. Any thread, one at a time; the Health outlives it.
  class Admission {
   public:
    Admission(Admission&& other) noexcept;
    Admission& operator=(Admission&&) = delete;
    ~Admission();

    // The upstream has begun to answer: its host can be reached.
    void answered();
    void succeeded(const Performance& measured);
    void failed(const v1::Failure& failure);

   private:
    friend class Health;
    Admission(Health& health, State& state, std::uint64_t probe) : health_(&health), state_(&state), probe_(probe) {}
    Health* health_;
    State* state_;
    std::uint64_t probe_;
    bool answered_ = false;
  };

  // An attempt wants to begin. Refused, as the failure of an attempt that was never made and counts as nothing: the
  // endpoint has `max_in_flight` already (KIND_OVERLOADED), or its host cannot be reached (KIND_UNAVAILABLE).
  absl::StatusOr<Admission> admit(const v1::Endpoint& endpoint);

  // A request begins.
  void begin_request();
  // After a request's first attempt: may it be tried at `endpoint`, too? Where things go well it may: that moves load
  // and does not multiply it, since no request comes twice. Elsewhere only within the budget of retries.
  bool may_retry(const v1::Endpoint& endpoint);

  // For other routers: what began or was prolonged here and still holds.
  std::vector<v1::Mark> marks() const;
  // From other routers. Never reported in turn.
  void merge(const std::vector<v1::Mark>& marks);

  // Of the last 30 s.
  struct View {
    std::uint64_t succeeded = 0;
    std::uint64_t failed = 0;
    std::uint64_t rate_limited = 0;
    std::uint32_t in_flight = 0;
    // Of the endpoint itself: neither a rate limit nor another router's word.
    bool down = false;
    // Its host could not be reached: the breaker lets nothing through.
    bool unreachable = false;
    // It has been tried, or another router has told of it.
    bool known = false;
  };
  View view(const v1::Endpoint& endpoint) const;

 private:
  using Key = std::tuple<std::string, std::string, std::string>;

  // Null: too many are known.
  State* find_or_add(const v1::Endpoint& endpoint);
  const State* find(const v1::Endpoint& endpoint) const;
  Host& host_of(const std::string& upstream);
  bool last(const State& state, HealthTime now) const;
  void note_failure(State& state, HealthTime now);

  const std::map<std::string, UpstreamBounds> upstreams_;
  const std::function<HealthTime()> clock_;
  const std::function<double()> random_;
  mutable std::mutex mutex_;
  std::map<Key, std::unique_ptr<State>, std::less<>> states_;
  std::map<std::string, std::unique_ptr<Host>> hosts_;
  RetryBudget budget_;
};

}  // namespace tollgate::router
