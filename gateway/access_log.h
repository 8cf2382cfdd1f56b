// One line a request: structured, without secrets, bodies or queries.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace tollgate {

struct AccessRecord {
  std::string_view method;
  // Without the query.
  std::string path;
  // 0: nothing was answered.
  unsigned status = 0;
  // Written to the client, heads included.
  std::uint64_t bytes = 0;
  // Empty when there is none.
  std::string generation_id;
  // How it ended: complete, refused, client_gone, write_timeout, cut.
  std::string_view end = "complete";
  // Probes and telemetry: logged at debug level only.
  bool quiet = false;
};

// The event `request`.
void log_access(const AccessRecord& record, std::chrono::microseconds time);

}  // namespace tollgate
