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
  // Each empty when there is none. The request id is what the client got as `request-id`, the key's id its hash, which
  // is public.
  std::string generation_id;
  std::string request_id;
  std::string key_id;
  std::string model;
  std::string provider;
  std::string trace_id;
  // How it ended: complete, refused, client_gone, write_timeout, cut.
  std::string_view end = "complete";
  // Probes and telemetry: logged at debug level only.
  bool quiet = false;
};

// The event `request`.
void log_access(const AccessRecord& record, std::chrono::microseconds time);

}  // namespace tollgate
