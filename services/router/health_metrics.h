// What a router knows of the health of endpoints, for the monitoring.
#pragma once

#include <functional>
#include <memory>

#include "services/common/telemetry/telemetry.h"
#include "services/router/catalog.h"
#include "services/router/health/health.h"

namespace tollgate::router {

// Those of the catalog that have been tried. `health` outlives the registration, `models` gives the newest table.
[[nodiscard]] Telemetry::Registration add_health_metrics(Telemetry& telemetry, const Health& health,
                                                         std::function<std::shared_ptr<const ModelTable>()> models);

}  // namespace tollgate::router
