#include "services/provider_adapter/translation/message_writer.h"

#include <simdjson.h>

#include "services/common/base/json_writer.h"

namespace tollgate::translation {
namespace {

bool is_object(const std::string& json) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  return !parser.parse(json).get_object().get(object);
}

}  // namespace

void MessageWriter::write_start(std::string_view id, std::string_view model, const TokenCounts&) {
  id_ = id;
  model_ = model;
}

void MessageWriter::write_open(Open kind, std::size_t index, std::string_view id, std::string_view name) {
  if (index > 0)
    content_ += ',';
  text_.clear();
  signature_.clear();
  if (kind != Open::kTool)
    return;
  // The head of the block; its input follows when it is closed.
  JsonWriter json(content_);
  json.begin_object().member("type", "tool_use").member("id", id).member("name", name).key("input");
}

void MessageWriter::write_delta(Open, std::size_t, std::string_view delta) {
  text_.append(delta);
}

void MessageWriter::write_signature(std::size_t, std::string_view signature) {
  signature_ = signature;
}

void MessageWriter::write_redacted(std::size_t index, std::string_view data) {
  if (index > 0)
    content_ += ',';
  JsonWriter(content_).begin_object().member("type", "redacted_thinking").member("data", data).end_object();
}

void MessageWriter::write_close(Open kind, std::size_t) {
  JsonWriter json(content_);
  if (kind == Open::kText) {
    json.begin_object().member("type", "text").member("text", text_).end_object();
  } else if (kind == Open::kThinking) {
    json.begin_object().member("type", "thinking").member("thinking", text_).member("signature", signature_);
    json.end_object();
  } else {
    json.raw(is_object(text_) ? text_ : "{}").end_object();
  }
}

void MessageWriter::write_finish(std::string_view stop_reason, std::string_view stop_sequence,
                                 const TokenCounts& usage) {
  json_.clear();
  JsonWriter json(json_);
  json.begin_object().member("id", id_).member("type", "message").member("role", "assistant").member("model", model_);
  json.key("content").begin_array();
  json_.append(content_);
  json.end_array().member("stop_reason", stop_reason).key("stop_sequence");
  if (stop_sequence.empty()) {
    json.null();
  } else {
    json.string(stop_sequence);
  }
  json.key("usage").raw("");
  append_usage(json_, usage);
  json.end_object();
}

void MessageWriter::write_error(std::string_view type, std::string_view message) {
  json_.clear();
  JsonWriter json(json_);
  json.begin_object().member("type", "error").key("error").begin_object();
  json.member("type", type).member("message", message).end_object().end_object();
}

}  // namespace tollgate::translation
