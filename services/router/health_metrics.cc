#include "services/router/health_metrics.h"

#include <map>
#include <string>
#include <tuple>
#include <utility>

namespace tollgate::router {
namespace {

// Of one model at one provider's upstream; several endpoints may be the same so far.
struct Shown {
  bool outage = false;
  bool unreachable = false;
  double in_flight = 0;
};

using Place = std::tuple<std::string, std::string, std::string>;

std::vector<prometheus::MetricFamily> collect(const Health& health, const ModelTable& models) {
  std::map<Place, Shown> all;
  for (const v1::Model& model : models.models()) {
    for (const v1::Endpoint& endpoint : model.endpoints()) {
      const Health::View view = health.view(endpoint);
      if (!view.known)
        continue;
      Shown& shown = all[{model.id(), endpoint.provider(), endpoint.upstream()}];
      shown.outage |= health.outage(endpoint);
      shown.unreachable |= view.unreachable;
      shown.in_flight += view.in_flight;
    }
  }
  using prometheus::MetricType;
  std::vector<prometheus::MetricFamily> families = {
      {"tollgate_endpoint_outage",
       "1: tried after all others, because it fails or wants to be left alone.",
       MetricType::Gauge,
       {}},
      {"tollgate_endpoint_unreachable",
       "1: nothing is sent there, because its host could not be reached.",
       MetricType::Gauge,
       {}},
      {"tollgate_endpoint_in_flight", "Attempts under way.", MetricType::Gauge, {}}};
  for (const auto& [place, shown] : all) {
    const double values[] = {shown.outage ? 1.0 : 0.0, shown.unreachable ? 1.0 : 0.0, shown.in_flight};
    for (std::size_t i = 0; i < families.size(); ++i) {
      prometheus::ClientMetric& metric = families[i].metric.emplace_back();
      metric.label = {
          {"model", std::get<0>(place)}, {"provider", std::get<1>(place)}, {"upstream", std::get<2>(place)}};
      metric.gauge.value = values[i];
    }
  }
  return families;
}

}  // namespace

Telemetry::Registration add_health_metrics(Telemetry& telemetry, const Health& health,
                                           std::function<std::shared_ptr<const ModelTable>()> models) {
  return telemetry.add([&health, models = std::move(models)] { return collect(health, *models()); });
}

}  // namespace tollgate::router
