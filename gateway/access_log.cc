#include "gateway/access_log.h"

#include "services/common/base/log.h"

namespace tollgate {

void log_access(const AccessRecord& record, std::chrono::microseconds time) {
  Log(record.quiet ? spdlog::level::debug : spdlog::level::info, "request")
      .with("method", record.method)
      .with("path", record.path)
      .with("status", record.status)
      .with("bytes", record.bytes)
      .with("ms", static_cast<double>(time.count()) / 1000)
      .with("generation_id", record.generation_id)
      .with("end", record.end);
}

}  // namespace tollgate
