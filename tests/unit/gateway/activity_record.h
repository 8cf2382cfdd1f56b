// A record with everything in it, for tests.
#pragma once

#include "tollgate/v1/activity.pb.h"

namespace tollgate {

// 2026-11-24T12:00:00.250Z
inline constexpr std::int64_t kRecordMs = 1795521600250;

inline v1::ActivityRecord full_record() {
  v1::ActivityRecord record;
  record.set_generation_id("gen-1");
  record.set_created_ms(kRecordMs);
  record.set_key_id("0a1b");
  record.set_key_name("ci");
  record.set_workspace("default");
  record.set_model_asked("claude-sonnet-4");
  record.set_model("anthropic/claude-sonnet-4");
  record.set_provider("anthropic");
  v1::AttemptRecord* attempt = record.add_attempts();
  attempt->set_provider("bedrock");
  attempt->set_model("anthropic/claude-sonnet-4");
  attempt->set_status(529);
  attempt->set_kind("overloaded");
  attempt->set_latency_ms(120);
  attempt = record.add_attempts();
  attempt->set_provider("anthropic");
  attempt->set_model("anthropic/claude-sonnet-4");
  attempt->set_status(200);
  attempt->set_kind("ok");
  attempt->set_latency_ms(300);
  v1::Usage& usage = *record.mutable_usage();
  usage.set_input_tokens(100);
  usage.set_output_tokens(50);
  usage.set_cache_read_tokens(1000);
  usage.set_cache_write_5m_tokens(200);
  usage.set_cache_write_1h_tokens(20);
  usage.set_web_search_requests(2);
  record.set_usage_source(v1::USAGE_SOURCE_REPORTED);
  record.set_cost_nano_usd(12'345'678);
  record.mutable_cost_parts()->set_input(300'000);
  record.mutable_cost_parts()->set_output(750'000);
  record.set_streamed(true);
  record.set_finish_reason("end_turn");
  record.set_status(200);
  record.set_first_token_ms(500);
  record.set_duration_ms(1500);
  record.set_session_id("session-1");
  record.set_agent_id("agent-1");
  record.set_user_agent("claude-cli/2.1.330 (external, cli)");
  record.set_app("cli");
  record.set_upstream_id("req_1");
  record.set_api("messages");
  return record;
}

}  // namespace tollgate
