// Structured logs: one JSON object a line on stderr, written by a thread of its own so that a blocked terminal never
// blocks a request. Secrets and message bodies are never given to it.
#pragma once

#include <spdlog/spdlog.h>

#include <concepts>
#include <string>
#include <string_view>

namespace tollgate {

// Once, before the first line. `level` as in LoggingConfig.
void start_logging(const std::string& level);
// Writes what is queued. Call before the process ends.
void stop_logging();

// Log(spdlog::level::warn, "settle_failed").with("generation_id", id).with("attempt", 3);
// Emits {"time":...,"level":"warn","event":"settle_failed","generation_id":"...","attempt":3} when it goes out of
// scope, and costs next to nothing when the level is off.
class Log {
 public:
  Log(spdlog::level::level_enum level, std::string_view event);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  Log& with(std::string_view name, std::string_view value);
  Log& with(std::string_view name, const char* value) { return with(name, std::string_view(value)); }
  template <std::integral Number>
  Log& with(std::string_view name, Number value) {
    return raw(name, fmt::format("{}", value));
  }
  Log& with(std::string_view name, double value) { return raw(name, fmt::format("{:.3f}", value)); }

 private:
  Log& raw(std::string_view name, std::string_view json);

  spdlog::level::level_enum level_;
  bool on_;
  std::string line_;
};

}  // namespace tollgate
