#include "gateway/access_log.h"

#include "services/common/base/log.h"

namespace tollgate {

void log_access(const AccessRecord& record, std::chrono::microseconds time) {
  Log line(record.quiet ? spdlog::level::debug : spdlog::level::info, "request");
  line.with("method", record.method)
      .with("path", record.path)
      .with("status", record.status)
      .with("bytes", record.bytes)
      .with("ms", static_cast<double>(time.count()) / 1000)
      .with("generation_id", record.generation_id)
      .with("end", record.end);
  const auto add = [&line](std::string_view name, const std::string& value) {
    if (!value.empty())
      line.with(name, value);
  };
  add("request_id", record.request_id);
  add("key_id", record.key_id);
  add("model", record.model);
  add("provider", record.provider);
  add("trace_id", record.trace_id);
}

}  // namespace tollgate
