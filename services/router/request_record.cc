#include "services/router/request_record.h"

#include <simdjson.h>

#include <algorithm>
#include <chrono>

namespace tollgate::router {
namespace {

std::int64_t now_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

bool continues(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

}  // namespace

std::string record_text(std::string_view text) {
  std::size_t size = std::min(text.size(), kMostText);
  while (size > 0 && size < text.size() && continues(text[size]))
    --size;
  std::string out(text.substr(0, size));
  const bool utf8 = simdjson::validate_utf8(out);
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !utf8))
      c = '?';
  }
  return out;
}

v1::ActivityRecord begin_record(const std::string& generation_id, const std::string& key_hash,
                                const v1::CreateRequest& request) {
  const Headers& headers = request.headers();
  v1::ActivityRecord record;
  record.set_generation_id(generation_id);
  record.set_created_ms(now_ms());
  record.set_key_id(key_hash);
  record.set_api(request.api() == v1::CLIENT_API_CHAT_COMPLETIONS ? "chat_completions" : "messages");
  record.set_user_agent(record_text(header_value(headers, "user-agent")));
  for (const char* name : {"x-title", "http-referer", "x-app"}) {
    if (record.app().empty())
      record.set_app(record_text(header_value(headers, name)));
  }
  record.set_agent_id(record_text(header_value(headers, "x-claude-code-agent-id")));
  record.set_parent_agent_id(record_text(header_value(headers, "x-claude-code-parent-agent-id")));
  return record;
}

void add_body(const RequestScan& scan, std::string_view body, const Headers& headers, v1::ActivityRecord& record) {
  record.set_model_asked(record_text(scan.model));
  record.set_streamed(scan.stream);
  record.set_session_id(record_text(session_of(scan, body, headers)));
}

void add_failure(const v1::Failure& failure, v1::ActivityRecord& record) {
  record.set_status(failure.http_status());
  record.set_error_type(record_text(failure.error_type()));
}

std::int64_t age_ms(const v1::ActivityRecord& record) {
  return std::max<std::int64_t>(now_ms() - record.created_ms(), 0);
}

}  // namespace tollgate::router
