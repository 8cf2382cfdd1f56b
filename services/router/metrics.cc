#include "services/router/metrics.h"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <utility>
#include <vector>

namespace tollgate::router {
namespace {

// Beyond so many models and providers, of catalogs that were read one after the other, all are "other".
constexpr std::size_t kMostSeries = 4096;
constexpr std::string_view kNone = "none";
constexpr std::string_view kOther = "other";

constexpr const char* kApiNames[] = {"messages", "chat_completions", "other"};
constexpr const char* kOutcomeNames[] = {"2xx", "4xx", "5xx", "cancelled", "broken", "other"};
constexpr const char* kClassNames[] = {"input", "output", "cache_read", "cache_write_5m", "cache_write_1h"};
constexpr const char* kSourceNames[] = {"unknown", "reported", "drained", "estimated", "lease_expired"};
// Of the API's errors.
constexpr std::string_view kReasons[] = {
    "invalid_request_error", "authentication_error", "billing_error",    "permission_error", "not_found_error",
    "request_too_large",     "rate_limit_error",     "overloaded_error", "timeout_error",    "api_error"};

// rate_limited, overloaded, ...; what is none of them comes last.
const std::vector<std::string>& kind_names() {
  static const std::vector<std::string> names = [] {
    constexpr std::size_t prefix = std::string_view("KIND_").size();
    std::vector<std::string> all = {"ok", "cancelled"};
    const auto* kinds = v1::Failure::Kind_descriptor();
    for (int i = 0; i < kinds->value_count(); ++i) {
      std::string name = kinds->value(i)->name().substr(prefix);
      std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
      all.push_back(std::move(name));
    }
    all.emplace_back(kOther);
    return all;
  }();
  return names;
}

std::size_t kind_index(std::string_view kind) {
  const std::vector<std::string>& names = kind_names();
  const auto found = std::find(names.begin(), names.end(), kind);
  return found == names.end() ? names.size() - 1 : static_cast<std::size_t>(found - names.begin());
}

double seconds(std::int64_t ms) {
  return static_cast<double>(ms) / 1000;
}

struct Holds {
  std::atomic<std::int64_t> count{0};
  // An integer, so that nothing is left of holds that are over.
  std::atomic<std::int64_t> nano_usd{0};
};

// Of the process.
Holds& holds() {
  static Holds all;
  return all;
}

std::vector<prometheus::MetricFamily> collect_holds() {
  const auto family = [](const char* name, const char* help, double value) {
    prometheus::MetricFamily made{name, help, prometheus::MetricType::Gauge, {}};
    made.metric.emplace_back().gauge.value = value;
    return made;
  };
  return {family("tollgate_holds", "Admitted requests that are not settled yet.", static_cast<double>(holds().count)),
          family("tollgate_held_usd", "What their holds have taken.", static_cast<double>(holds().nano_usd) / 1e9)};
}

void show_holds() {
  static const Telemetry::Registration shown = telemetry().add(collect_holds);
}

}  // namespace

Metrics::Metrics(Telemetry& telemetry, std::function<bool(std::string_view)> knows)
    : knows_(std::move(knows)),
      requests_(telemetry.counters("tollgate_requests_total",
                                   "Requests that are over. status: the class of the HTTP status; cancelled: the "
                                   "client left; broken: a stream that ended with an error.")),
      tokens_(telemetry.counters("tollgate_tokens_total", "Tokens that were charged.")),
      cost_(telemetry.counters("tollgate_cost_usd_total", "What requests were charged.")),
      attempts_(telemetry.counters("tollgate_attempts_total",
                                   "Attempts at providers. kind: ok, cancelled, or how they failed.")),
      failovers_(telemetry.counters("tollgate_failovers_total", "Failed attempts that another one followed.")),
      refusals_(telemetry.counters("tollgate_refusals_total",
                                   "Requests that were answered with an error before any attempt.")),
      settlements_(telemetry.counters("tollgate_settlements_total", "Settlements, by how their usage is known.")),
      first_token_(telemetry.histograms("tollgate_time_to_first_token_seconds",
                                        "From a request's arrival to its first content.", model_buckets())),
      duration_(telemetry.histograms("tollgate_request_duration_seconds", "From a request's arrival to its end.",
                                     model_buckets())) {
  // What has no labels is there from the beginning.
  show_holds();
  pending_settlements();
  drained_streams();
  static_assert(v1::Failure::Kind_ARRAYSIZE + 3 <= kKinds);
  static_assert(v1::UsageSource_ARRAYSIZE <= kSources);
}

Metrics::Outcome Metrics::outcome_of(const v1::ActivityRecord& record) {
  if (record.cancelled())
    return kCancelled;
  if (record.status() >= 200 && record.status() < 300)
    return record.error_type().empty() ? kOk : kBroken;
  if (record.status() >= 400 && record.status() < 600)
    return record.status() < 500 ? kClientError : kServerError;
  return kUnknown;
}

Metrics::Api Metrics::api_of(const v1::ActivityRecord& record) {
  const auto* found = std::find(std::begin(kApiNames), std::end(kApiNames) - 1, record.api());
  return static_cast<Api>(found - std::begin(kApiNames));
}

Metrics::Series& Metrics::series_of(std::string_view model, std::string_view provider) {
  if (const auto found = series_.find({model, provider}); found != series_.end())
    return *found->second;
  const bool own = model == kNone || model == kOther || (series_.size() < kMostSeries && knows_(model));
  if (!own)
    return series_of(kOther, series_.size() < kMostSeries ? provider : kOther);
  auto series = std::make_unique<Series>();
  series->model = model;
  series->provider = provider;
  const prometheus::Labels labels = {{"model", series->model}, {"provider", series->provider}};
  series->cost = &cost_.Add(labels);
  series->first_token = &first_token_.with(labels);
  series->duration = &duration_.with(labels);
  const Key key{series->model, series->provider};
  return *series_.emplace(key, std::move(series)).first->second;
}

Metrics::Attempts& Metrics::attempts_of(std::string_view provider) {
  if (const auto found = providers_.find(provider); found != providers_.end())
    return *found->second;
  if (providers_.size() >= kMostSeries && provider != kOther)
    return attempts_of(kOther);
  auto attempts = std::make_unique<Attempts>();
  attempts->provider = provider;
  const std::string_view key = attempts->provider;
  return *providers_.emplace(key, std::move(attempts)).first->second;
}

void Metrics::count_request(const v1::ActivityRecord& record, Series& series) {
  const Api api = api_of(record);
  const Outcome outcome = outcome_of(record);
  Counter*& requests = series.requests[api][outcome];
  if (requests == nullptr) {
    requests = &requests_.Add({{"model", series.model},
                               {"provider", series.provider},
                               {"api", kApiNames[api]},
                               {"status", kOutcomeNames[outcome]}});
  }
  requests->Increment();
}

void Metrics::add_tokens(Series& series, Class which, std::int64_t count) {
  if (count <= 0)
    return;
  Counter*& tokens = series.tokens[which];
  if (tokens == nullptr) {
    tokens = &tokens_.Add({{"model", series.model}, {"provider", series.provider}, {"type", kClassNames[which]}});
  }
  tokens->Increment(static_cast<double>(count));
}

void Metrics::count_attempts(const v1::ActivityRecord& record) {
  for (int i = 0; i < record.attempts_size(); ++i) {
    const v1::AttemptRecord& attempt = record.attempts(i);
    Attempts& at = attempts_of(attempt.provider());
    const std::size_t kind = kind_index(attempt.kind());
    const auto count = [&](Counter*& counter, CounterFamily& family) {
      if (counter == nullptr)
        counter = &family.Add({{"provider", at.provider}, {"kind", kind_names()[kind]}});
      counter->Increment();
    };
    count(at.made[kind], attempts_);
    if (i + 1 < record.attempts_size())
      count(at.followed[kind], failovers_);
  }
}

void Metrics::count_refusal(const v1::ActivityRecord& record) {
  const auto* found = std::find(std::begin(kReasons), std::end(kReasons), record.error_type());
  const std::string_view reason = found == std::end(kReasons) ? kOther : *found;
  // Rare enough to be looked up each time.
  refusals_.Add({{"reason", std::string(reason)}}).Increment();
}

void Metrics::settled(const v1::SettleRequest& request) {
  const v1::ActivityRecord& record = request.record();
  const bool served = !record.model().empty();
  Series& series = served ? series_of(record.model(), record.provider()) : series_of(kNone, kNone);
  count_request(record, series);
  count_attempts(record);
  if (record.attempts().empty() && record.status() >= 400)
    count_refusal(record);
  const v1::Usage& usage = request.usage();
  add_tokens(series, kInput, usage.input_tokens());
  add_tokens(series, kOutput, usage.output_tokens());
  add_tokens(series, kCacheRead, usage.cache_read_tokens());
  add_tokens(series, kCacheWrite5m, usage.cache_write_5m_tokens());
  add_tokens(series, kCacheWrite1h, usage.cache_write_1h_tokens());
  series.cost->Increment(static_cast<double>(request.cost_nano_usd()) / 1e9);
  if (record.first_token_ms() > 0)
    series.first_token->add(seconds(record.first_token_ms()));
  series.duration->add(seconds(record.duration_ms()));
  Counter*& source = settled_by_[std::min<std::size_t>(request.usage_source(), kSources - 1)];
  if (source == nullptr)
    source = &settlements_.Add({{"source", kSourceNames[std::min<std::size_t>(request.usage_source(), kSources - 1)]}});
  source->Increment();
}

void Metrics::refused(const v1::ActivityRecord& record) {
  count_request(record, series_of(kNone, kNone));
  count_refusal(record);
}

CountedHold::CountedHold(std::int64_t nano_usd) : nano_usd_(nano_usd) {
  holds().count.fetch_add(1, std::memory_order_relaxed);
  holds().nano_usd.fetch_add(nano_usd_, std::memory_order_relaxed);
}

CountedHold::~CountedHold() {
  holds().count.fetch_sub(1, std::memory_order_relaxed);
  holds().nano_usd.fetch_sub(nano_usd_, std::memory_order_relaxed);
}

Gauge& pending_settlements() {
  static Gauge& gauge =
      telemetry().gauge("tollgate_settlements_pending", "Settlements that the budget service has not taken yet.");
  return gauge;
}

Gauge& drained_streams() {
  static Gauge& gauge = telemetry().gauge("tollgate_drained_streams",
                                          "Streams that are read to their end although their client has left.");
  return gauge;
}

}  // namespace tollgate::router
