// What every process tells of itself: processor time, memory, files, threads, and what was built.
#pragma once

#include <string>

#include "services/common/telemetry/telemetry.h"

namespace tollgate {

// `service`: tollgate, gateway, router, budget or adapter. The names are those that Prometheus' own clients use.
[[nodiscard]] Telemetry::Registration add_process_metrics(Telemetry& telemetry, const std::string& service);

}  // namespace tollgate
