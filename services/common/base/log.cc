#include "services/common/base/log.h"

#include <fmt/chrono.h>
#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <chrono>

namespace tollgate {
namespace {

constexpr std::size_t kQueuedLines = 8192;

void append_escaped(std::string& out, std::string_view text) {
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c < 0x20 || c > 0x7e) {
      // Whatever the bytes are, the line is JSON and prints harmlessly.
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
}

}  // namespace

void start_logging(const std::string& level) {
  spdlog::init_thread_pool(kQueuedLines, 1);
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  // Lines are lost rather than requests when nobody reads them.
  auto logger = std::make_shared<spdlog::async_logger>("tollgate", sink, spdlog::thread_pool(),
                                                       spdlog::async_overflow_policy::overrun_oldest);
  logger->set_pattern("%v");
  logger->set_level(spdlog::level::from_str(level));
  spdlog::set_default_logger(logger);
}

void stop_logging() {
  spdlog::shutdown();
}

Log::Log(spdlog::level::level_enum level, std::string_view event)
    : level_(level), on_(spdlog::default_logger_raw() != nullptr && spdlog::default_logger_raw()->should_log(level)) {
  if (!on_)
    return;
  const auto now = std::chrono::system_clock::now();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  line_ = fmt::format("{{\"time\":\"{:%Y-%m-%dT%H:%M:%S}.{:03}Z\",\"level\":\"{}\",\"event\":\"{}\"",
                      fmt::gmtime(std::chrono::system_clock::to_time_t(now)), ms % 1000,
                      spdlog::level::to_string_view(level), event);
}

Log::~Log() {
  if (!on_)
    return;
  line_ += '}';
  spdlog::default_logger_raw()->log(level_, spdlog::string_view_t(line_.data(), line_.size()));
}

Log& Log::with(std::string_view name, std::string_view value) {
  if (!on_)
    return *this;
  line_ += ",\"";
  line_ += name;
  line_ += "\":\"";
  append_escaped(line_, value);
  line_ += '"';
  return *this;
}

Log& Log::raw(std::string_view name, std::string_view json) {
  if (!on_)
    return *this;
  line_ += ",\"";
  line_ += name;
  line_ += "\":";
  line_ += json;
  return *this;
}

}  // namespace tollgate
