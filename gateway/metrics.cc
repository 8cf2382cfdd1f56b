#include "gateway/metrics.h"

#include <algorithm>
#include <string>
#include <utility>

namespace tollgate {
namespace {

constexpr unsigned kKnownCodes[] = {0,   200, 204, 400, 401, 402, 403, 404, 405, 408, 409,
                                    413, 415, 429, 431, 500, 501, 502, 503, 504, 529};

std::size_t code_index(unsigned status) {
  const auto* found = std::find(std::begin(kKnownCodes), std::end(kKnownCodes), status);
  return static_cast<std::size_t>(found - std::begin(kKnownCodes));
}

std::string code_name(std::size_t index) {
  if (index == std::size(kKnownCodes))
    return "other";
  return kKnownCodes[index] == 0 ? "none" : std::to_string(kKnownCodes[index]);
}

const char* route_name(Resource resource) {
  if (is_management(resource))
    return "management";
  if (is_activity(resource))
    return "activity";
  switch (resource) {
    case Resource::kUnknown:
      return "unknown";
    case Resource::kProbe:
      return "probe";
    case Resource::kTelemetry:
      return "telemetry";
    case Resource::kMessages:
      return "messages";
    case Resource::kCountTokens:
      return "count_tokens";
    case Resource::kChat:
      return "chat_completions";
    case Resource::kModels:
    case Resource::kModel:
      return "models";
    case Resource::kKey:
      return "key";
    default:
      return "other";
  }
}

}  // namespace

EdgeMetrics::EdgeMetrics(Telemetry& telemetry)
    : requests_(telemetry.counters("tollgate_http_requests_total",
                                   "HTTP requests that are over. code: of the answer; none: there was none.")),
      in_flight_(telemetry.gauges("tollgate_http_requests_in_flight", "HTTP requests under way.")),
      time_(telemetry.histograms("tollgate_http_request_duration_seconds",
                                 "From a request's first byte to the last of its answer.", model_buckets())),
      bytes_(telemetry.counter("tollgate_http_sent_bytes_total", "Bytes written to clients.")),
      streams_(telemetry.gauge("tollgate_http_streams", "Event streams that are being written.")) {
  static_assert(std::size(kKnownCodes) + 1 <= kCodes);
  open_connections();
  refused_connections(Closed::kTooMany);
  shed_requests(Shed::kMemory);
}

EdgeMetrics::Series& EdgeMetrics::series_of(Resource resource) {
  Series& series = series_[std::min(static_cast<std::size_t>(resource), kMostRoutes - 1)];
  if (series.in_flight == nullptr) {
    const prometheus::Labels labels = {{"route", route_name(resource)}};
    series.time = &time_.with(labels);
    series.in_flight = &in_flight_.Add(labels);
  }
  return series;
}

void EdgeMetrics::ended(Resource resource, unsigned status, std::uint64_t bytes, std::chrono::duration<double> time) {
  Series& series = series_of(resource);
  const std::size_t code = code_index(status);
  Counter*& requests = series.requests[code];
  if (requests == nullptr)
    requests = &requests_.Add({{"route", route_name(resource)}, {"code", code_name(code)}});
  requests->Increment();
  series.time->add(time.count());
  bytes_.Increment(static_cast<double>(bytes));
}

Gauge& open_connections() {
  static Gauge& gauge = telemetry().gauge("tollgate_http_connections", "Open connections of clients.");
  return gauge;
}

Counter& refused_connections(Closed reason) {
  static CounterFamily& family =
      telemetry().counters("tollgate_http_connections_refused_total",
                           "Connections closed before a request was read. reason: total (limits.connections), address "
                           "(limits.connections_per_address), proxy_header (a trusted proxy sent no good header).");
  static const std::array counters = {&family.Add({{"reason", "total"}}), &family.Add({{"reason", "address"}}),
                                      &family.Add({{"reason", "proxy_header"}})};
  return *counters[static_cast<std::size_t>(reason)];
}

Counter& shed_requests(Shed reason) {
  static CounterFamily& family = telemetry().counters(
      "tollgate_http_requests_shed_total",
      "Requests refused to protect the process. reason: address (limits.connections_per_address), failed_keys "
      "(limits.failed_keys_per_minute), memory (limits.in_flight_bytes).");
  static const std::array counters = {&family.Add({{"reason", "address"}}), &family.Add({{"reason", "failed_keys"}}),
                                      &family.Add({{"reason", "memory"}})};
  return *counters[static_cast<std::size_t>(reason)];
}

}  // namespace tollgate
