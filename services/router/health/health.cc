#include "services/router/health/health.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <string_view>

#include "services/common/base/errors.h"

namespace tollgate::router {
namespace {

using std::chrono::milliseconds;
using v1::Failure;

enum : std::size_t { kSucceeded, kFailed, kRateLimited };

constexpr std::uint64_t kFewFailures = 3;
constexpr std::uint64_t kLoneFailures = 2;
constexpr int kFailuresInRow = 5;
// Beyond the wait for a place in the adapter's pool and for the connection, each of which ends by the timeout.
constexpr milliseconds kConnectSlack{1000};

// The upstream's own: not the client's, and not ours.
bool is_failure(const Failure& failure) {
  switch (failure.kind()) {
    case Failure::KIND_OVERLOADED:
    case Failure::KIND_UNAVAILABLE:
    case Failure::KIND_TIMEOUT:
    case Failure::KIND_UPSTREAM_AUTH:
      return failure.stage() != Failure::STAGE_GATEWAY;
    default:
      return false;
  }
}

std::tuple<std::string_view, std::string_view, std::string_view> key_of(const v1::Endpoint& endpoint) {
  return {endpoint.upstream(), endpoint.upstream_model(), endpoint.provider()};
}

std::function<double()> default_random() {
  return [engine = std::mt19937_64(std::random_device()())]() mutable {
    return std::uniform_real_distribution<double>()(engine);
  };
}

}  // namespace

struct Health::Host {
  explicit Host(const UpstreamBounds& bounds) : breaker(2 * bounds.connect_timeout + kConnectSlack) {}
  Breaker breaker;
};

struct Health::State {
  Host* host = nullptr;
  std::uint32_t max_in_flight = 0;
  std::uint32_t in_flight = 0;
  RollingCounts<3> outcomes;
  int failures_in_row = 0;
  // No success since the last outage.
  bool suspect = false;
  HealthTime down_until;
  HealthTime limited_until;
  // As another router says.
  HealthTime marked_until;
  // Most endpoints of a catalog are never used.
  std::unique_ptr<RollingPercentiles> tokens_per_second;
  std::unique_ptr<RollingPercentiles> first_token_ms;
};

Health::Health(std::map<std::string, UpstreamBounds> upstreams, std::function<HealthTime()> clock,
               std::function<double()> random)
    : upstreams_(std::move(upstreams)),
      clock_(std::move(clock)),
      random_(random ? std::move(random) : default_random()) {}

Health::~Health() = default;

Health::Host& Health::host_of(const std::string& upstream) {
  const auto bounds = upstreams_.find(upstream);
  const bool known = bounds != upstreams_.end() && !bounds->second.host.empty();
  std::unique_ptr<Host>& host = hosts_[known ? bounds->second.host : upstream];
  if (!host)
    host = std::make_unique<Host>(bounds != upstreams_.end() ? bounds->second : UpstreamBounds());
  return *host;
}

Health::State* Health::find_or_add(const v1::Endpoint& endpoint) {
  const auto found = states_.find(key_of(endpoint));
  if (found != states_.end())
    return found->second.get();
  if (states_.size() >= kMostEndpoints)
    return nullptr;
  auto state = std::make_unique<State>();
  state->host = &host_of(endpoint.upstream());
  const auto bounds = upstreams_.find(endpoint.upstream());
  state->max_in_flight = bounds != upstreams_.end() ? bounds->second.max_in_flight : UpstreamBounds().max_in_flight;
  return states_.emplace(Key(key_of(endpoint)), std::move(state)).first->second.get();
}

const Health::State* Health::find(const v1::Endpoint& endpoint) const {
  const auto found = states_.find(key_of(endpoint));
  return found != states_.end() ? found->second.get() : nullptr;
}

bool Health::last(const State& state, HealthTime now) const {
  return state.down_until > now || state.limited_until > now || state.marked_until > now ||
         state.host->breaker.refuses(now);
}

bool Health::outage(const v1::Endpoint& endpoint) const {
  const std::lock_guard lock(mutex_);
  const State* state = find(endpoint);
  return state != nullptr && last(*state, clock_());
}

std::optional<double> Health::throughput(const v1::Endpoint& endpoint, double percentile) const {
  const std::lock_guard lock(mutex_);
  const State* state = find(endpoint);
  return state != nullptr && state->tokens_per_second ? state->tokens_per_second->at(percentile, clock_())
                                                      : std::nullopt;
}

std::optional<double> Health::latency_ms(const v1::Endpoint& endpoint, double percentile) const {
  const std::lock_guard lock(mutex_);
  const State* state = find(endpoint);
  return state != nullptr && state->first_token_ms ? state->first_token_ms->at(percentile, clock_()) : std::nullopt;
}

absl::StatusOr<Health::Admission> Health::admit(const v1::Endpoint& endpoint) {
  const std::lock_guard lock(mutex_);
  State* const state = find_or_add(endpoint);
  const auto refuse = [&](FailureKind kind, milliseconds pause, std::string why) {
    Failure failure = make_failure(kind, std::move(why));
    failure.set_upstream(endpoint.upstream());
    failure.set_stage(Failure::STAGE_GATEWAY);
    failure.set_retry_after_ms(static_cast<std::uint64_t>(pause.count()));
    return to_status(failure);
  };
  if (state == nullptr)
    return refuse(Failure::KIND_OVERLOADED, milliseconds(0),
                  fmt::format("The router knows {} endpoints already: restart it.", kMostEndpoints));
  if (state->in_flight >= state->max_in_flight)
    return refuse(Failure::KIND_OVERLOADED, milliseconds(1000),
                  fmt::format("Upstream {} has {} requests for {} in flight, as many as upstreams.{}.max_in_flight "
                              "allows. Try again shortly.",
                              endpoint.upstream(), state->in_flight, endpoint.upstream_model(), endpoint.upstream()));
  const HealthTime now = clock_();
  const Breaker::Pass pass = state->host->breaker.ask(now);
  if (!pass.granted)
    return refuse(Failure::KIND_UNAVAILABLE, std::max(state->host->breaker.pause(now), milliseconds(1)),
                  fmt::format("Upstream {} could not be reached lately. Try again shortly.", endpoint.upstream()));
  ++state->in_flight;
  return Admission(*this, *state, pass.probe);
}

void Health::begin_request() {
  const std::lock_guard lock(mutex_);
  budget_.request(clock_());
}

bool Health::may_retry(const v1::Endpoint& endpoint) {
  const std::lock_guard lock(mutex_);
  const HealthTime now = clock_();
  const State* state = find(endpoint);
  if (state == nullptr)
    return true;
  const auto sums = state->outcomes.sums(now);
  const bool well = !last(*state, now) && !state->suspect && sums[kFailed] <= sums[kSucceeded];
  return well || budget_.retry(now);
}

void Health::note_failure(State& state, HealthTime now) {
  state.outcomes.add(kFailed, now);
  ++state.failures_in_row;
  const auto sums = state.outcomes.sums(now);
  const bool most = sums[kFailed] >= kFewFailures && sums[kFailed] >= sums[kSucceeded];
  const bool nothing_else = sums[kFailed] >= kLoneFailures && sums[kSucceeded] == 0;
  if (most || nothing_else || state.failures_in_row >= kFailuresInRow || state.suspect) {
    state.down_until = now + kOutage;
    state.suspect = true;
  }
}

std::vector<v1::Mark> Health::marks() const {
  const std::lock_guard lock(mutex_);
  const HealthTime now = clock_();
  std::vector<v1::Mark> marks;
  for (const auto& [key, state] : states_) {
    const HealthTime until = std::max(state->down_until, state->limited_until);
    if (until <= now)
      continue;
    v1::Mark& mark = marks.emplace_back();
    mark.set_upstream(std::get<0>(key));
    mark.set_upstream_model(std::get<1>(key));
    mark.set_provider(std::get<2>(key));
    mark.set_lasts_ms(std::chrono::ceil<milliseconds>(until - now).count());
  }
  return marks;
}

void Health::merge(const std::vector<v1::Mark>& marks) {
  // Nobody else's clock or mistake keeps an endpoint last for longer.
  constexpr milliseconds kLongest = std::chrono::hours(24);
  const std::lock_guard lock(mutex_);
  const HealthTime now = clock_();
  v1::Endpoint endpoint;
  for (const v1::Mark& mark : marks) {
    endpoint.set_upstream(mark.upstream());
    endpoint.set_upstream_model(mark.upstream_model());
    endpoint.set_provider(mark.provider());
    if (State* state = find_or_add(endpoint))
      state->marked_until = now + std::clamp(milliseconds(mark.lasts_ms()), milliseconds(0), kLongest);
  }
}

Health::View Health::view(const v1::Endpoint& endpoint) const {
  const std::lock_guard lock(mutex_);
  View view;
  if (const State* state = find(endpoint)) {
    const HealthTime now = clock_();
    const auto sums = state->outcomes.sums(now);
    view = {sums[kSucceeded],
            sums[kFailed],
            sums[kRateLimited],
            state->in_flight,
            state->down_until > now,
            state->host->breaker.refuses(now),
            true};
  }
  return view;
}

Health::Admission::Admission(Admission&& other) noexcept
    : health_(std::exchange(other.health_, nullptr)),
      state_(other.state_),
      probe_(other.probe_),
      answered_(other.answered_) {}

Health::Admission::~Admission() {
  if (health_ == nullptr)
    return;
  const std::lock_guard lock(health_->mutex_);
  --state_->in_flight;
  state_->host->breaker.abandoned(probe_);
}

void Health::Admission::answered() {
  if (std::exchange(answered_, true))
    return;
  const std::lock_guard lock(health_->mutex_);
  state_->host->breaker.reached(probe_);
}

void Health::Admission::succeeded(const Performance& measured) {
  answered();
  const std::lock_guard lock(health_->mutex_);
  const HealthTime now = health_->clock_();
  state_->outcomes.add(kSucceeded, now);
  state_->failures_in_row = 0;
  state_->suspect = false;
  const auto add = [&](std::unique_ptr<RollingPercentiles>& to, const std::optional<double>& value) {
    if (!value)
      return;
    if (!to)
      to = std::make_unique<RollingPercentiles>();
    to->add(*value, now);
  };
  add(state_->tokens_per_second, measured.tokens_per_second);
  add(state_->first_token_ms, measured.first_token_ms);
}

void Health::Admission::failed(const v1::Failure& failure) {
  // What comes of the gateway's own says nothing about the host.
  const bool unreachable = failure.stage() == Failure::STAGE_CONNECTION;
  if (!unreachable && failure.stage() != Failure::STAGE_GATEWAY && failure.kind() != Failure::KIND_INTERNAL)
    answered();
  const std::lock_guard lock(health_->mutex_);
  const HealthTime now = health_->clock_();
  if (unreachable)
    state_->host->breaker.failed(probe_, now, health_->random_());
  if (is_failure(failure))
    health_->note_failure(*state_, now);
  const bool limited = failure.kind() == Failure::KIND_RATE_LIMITED;
  if (limited)
    state_->outcomes.add(kRateLimited, now);
  const milliseconds asked(failure.retry_after_ms());
  const milliseconds pause = limited && asked.count() == 0 ? kLimited : asked;
  if (limited || is_failure(failure))
    state_->limited_until = std::max(state_->limited_until, now + pause);
}

}  // namespace tollgate::router
