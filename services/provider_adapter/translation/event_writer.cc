#include "services/provider_adapter/translation/event_writer.h"

#include <charconv>

#include "services/common/base/json_writer.h"

namespace tollgate::translation {
namespace {

void append_number(std::string& out, std::size_t number) {
  char digits[20];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

// Up to the block itself.
void begin_block(std::string& out, std::size_t index) {
  out.append("event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":");
  append_number(out, index);
  out.append(",\"content_block\":");
}

}  // namespace

void EventWriter::write_start(std::string_view id, std::string_view model, const TokenCounts& usage) {
  out_.append("event: message_start\ndata: ");
  JsonWriter json(out_);
  json.begin_object().member("type", "message_start").key("message").begin_object();
  json.member("id", id).member("type", "message").member("role", "assistant").member("model", model);
  json.key("content").begin_array().end_array();
  json.key("stop_reason").null().key("stop_sequence").null();
  json.key("usage").raw("");
  append_usage(out_, usage);
  json.end_object().end_object();
  out_.append("\n\n");
}

void EventWriter::write_open(Open kind, std::size_t index, std::string_view id, std::string_view name) {
  begin_block(out_, index);
  if (kind == Open::kText) {
    out_.append(R"({"type":"text","text":""})");
  } else if (kind == Open::kThinking) {
    out_.append(R"({"type":"thinking","thinking":"","signature":""})");
  } else {
    JsonWriter json(out_);
    json.begin_object().member("type", "tool_use").member("id", id).member("name", name);
    json.key("input").begin_object().end_object().end_object();
  }
  out_.append("}\n\n");
}

void EventWriter::delta(std::string_view type, std::string_view member, std::size_t index, std::string_view text) {
  out_.append("event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":");
  append_number(out_, index);
  out_.append(",\"delta\":{\"type\":\"").append(type).append("\",\"").append(member).append("\":\"");
  append_json_escaped(out_, text);
  out_.append("\"}}\n\n");
}

void EventWriter::write_delta(Open kind, std::size_t index, std::string_view text) {
  if (kind == Open::kText) {
    delta("text_delta", "text", index, text);
  } else if (kind == Open::kThinking) {
    delta("thinking_delta", "thinking", index, text);
  } else {
    delta("input_json_delta", "partial_json", index, text);
  }
}

void EventWriter::write_signature(std::size_t index, std::string_view signature) {
  delta("signature_delta", "signature", index, signature);
}

void EventWriter::write_redacted(std::size_t index, std::string_view data) {
  begin_block(out_, index);
  JsonWriter json(out_);
  json.begin_object().member("type", "redacted_thinking").member("data", data).end_object();
  out_.append("}\n\n");
  write_close(Open::kNone, index);
}

void EventWriter::write_close(Open, std::size_t index) {
  out_.append("event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":");
  append_number(out_, index);
  out_.append("}\n\n");
}

void EventWriter::write_finish(std::string_view stop_reason, std::string_view stop_sequence, const TokenCounts& usage) {
  out_.append("event: message_delta\ndata: ");
  JsonWriter json(out_);
  json.begin_object().member("type", "message_delta").key("delta").begin_object().member("stop_reason", stop_reason);
  json.key("stop_sequence");
  if (stop_sequence.empty()) {
    json.null();
  } else {
    json.string(stop_sequence);
  }
  json.end_object().key("usage").begin_object();
  json.member("input_tokens", usage.input)
      .member("cache_creation_input_tokens", usage.cache_write)
      .member("cache_read_input_tokens", usage.cache_read)
      .member("output_tokens", usage.output);
  if (usage.thinking > 0)
    json.key("output_tokens_details").begin_object().member("thinking_tokens", usage.thinking).end_object();
  json.end_object().end_object();
  out_.append("\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
}

void EventWriter::write_error(std::string_view type, std::string_view message) {
  out_.append("event: error\ndata: ");
  JsonWriter json(out_);
  json.begin_object().member("type", "error").key("error").begin_object();
  json.member("type", type).member("message", message).end_object().end_object();
  out_.append("\n\n");
}

}  // namespace tollgate::translation
