#include "gateway/access_log.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <iterator>

namespace tollgate {
namespace {

void append_json_string(std::string_view text, std::string& out) {
  out += '"';
  for (char c : text) {
    if (c == '"' || c == '\\')
      out.append({'\\', c});
    else if (c < 0x20 || c > 0x7e)
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(c));
    else
      out += c;
  }
  out += '"';
}

}  // namespace

std::string access_line(const AccessRecord& record, std::chrono::microseconds time) {
  std::string line = R"({"event":"request","method":)";
  append_json_string(record.method, line);
  line += R"(,"path":)";
  append_json_string(record.path, line);
  const auto micros = time.count();
  fmt::format_to(std::back_inserter(line), R"(,"status":{},"bytes":{},"ms":{}.{:03},"generation_id":)", record.status,
                 record.bytes, micros / 1000, micros % 1000);
  append_json_string(record.generation_id, line);
  line += R"(,"end":)";
  append_json_string(record.end, line);
  line += '}';
  return line;
}

void log_access(const AccessRecord& record, std::chrono::microseconds time) {
  const auto level = record.quiet ? spdlog::level::debug : spdlog::level::info;
  spdlog::logger& logger = *spdlog::default_logger_raw();
  if (logger.should_log(level))
    logger.log(level, spdlog::string_view_t(access_line(record, time)));
}

}  // namespace tollgate
