#include "services/provider_adapter/metrics.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "services/common/base/errors.h"
#include "services/common/telemetry/telemetry.h"

namespace tollgate {
namespace {

using v1::Failure;

// ok, or how it failed: rate_limited, overloaded, ...
std::string result_name(FailureKind kind) {
  if (kind == Failure::KIND_UNSPECIFIED)
    return "ok";
  constexpr std::size_t prefix = std::string_view("KIND_").size();
  std::string name = Failure::Kind_Name(kind).substr(prefix);
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  return name;
}

class MeteredUpstream : public ProviderAdapter {
 public:
  MeteredUpstream(std::string name, std::unique_ptr<ProviderAdapter> upstream)
      : name_(std::move(name)),
        upstream_(std::move(upstream)),
        requests_(telemetry().counters("tollgate_upstream_requests_total",
                                       "Requests to upstreams that are over. result: ok, or how they failed; cancelled "
                                       "ones are not among them.")),
        in_flight_(telemetry()
                       .gauges("tollgate_upstream_requests_in_flight", "Requests to upstreams that are under way.")
                       .Add({{"upstream", name_}})),
        time_(telemetry()
                  .histograms("tollgate_upstream_request_duration_seconds",
                              "From a request to an upstream to the end of its answer.", model_buckets())
                  .with({{"upstream", name_}})) {}

  Awaitable<absl::Status> send(const v1::SendRequest& request, FrameSink& sink) override {
    const Counted running(in_flight_);
    const auto began = SteadyClock::now();
    absl::Status status = co_await upstream_->send(request, sink);
    time_.add(std::chrono::duration<double>(SteadyClock::now() - began).count());
    // Without a Failure it was the reader that has gone.
    if (status.ok() || carries_failure(status))
      count(status.ok() ? Failure::KIND_UNSPECIFIED : failure_of(status).kind());
    co_return status;
  }

  Awaitable<absl::StatusOr<v1::CountTokensReply>> count_tokens(const v1::SendRequest& request) override {
    return upstream_->count_tokens(request);
  }
  Awaitable<absl::StatusOr<v1::ProbeReply>> probe(const v1::ProbeRequest& request) override {
    return upstream_->probe(request);
  }

 private:
  void count(FailureKind kind) {
    Counter*& counter = results_[std::min<std::size_t>(static_cast<std::size_t>(kind), results_.size() - 1)];
    if (counter == nullptr)
      counter = &requests_.Add({{"upstream", name_}, {"result", result_name(kind)}});
    counter->Increment();
  }

  const std::string name_;
  const std::unique_ptr<ProviderAdapter> upstream_;
  CounterFamily& requests_;
  Gauge& in_flight_;
  Histogram& time_;
  std::array<Counter*, Failure::Kind_ARRAYSIZE> results_{};
};

}  // namespace

std::unique_ptr<ProviderAdapter> metered(const std::string& name, std::unique_ptr<ProviderAdapter> upstream) {
  return std::make_unique<MeteredUpstream>(name, std::move(upstream));
}

}  // namespace tollgate
