#include "services/provider_adapter/translation/answer_writer.h"

#include "services/common/base/json_writer.h"

namespace tollgate::translation {

void AnswerWriter::start(std::string_view id, std::string_view model, const TokenCounts& usage) {
  if (state_ != State::kNew)
    return;
  state_ = State::kStarted;
  write_start(id, model, usage);
}

void AnswerWriter::open(Open kind, std::string_view id, std::string_view name) {
  close_block();
  open_ = kind;
  write_open(kind, next_index_++, id, name);
}

void AnswerWriter::text(std::string_view delta) {
  if (state_ != State::kStarted || delta.empty())
    return;
  if (open_ != Open::kText)
    open(Open::kText);
  write_delta(Open::kText, index(), delta);
}

void AnswerWriter::thinking(std::string_view delta) {
  if (state_ != State::kStarted || delta.empty())
    return;
  if (open_ != Open::kThinking)
    open(Open::kThinking);
  write_delta(Open::kThinking, index(), delta);
}

void AnswerWriter::signature(std::string_view envelope) {
  if (state_ != State::kStarted || envelope.empty())
    return;
  if (open_ != Open::kThinking)
    open(Open::kThinking);
  write_signature(index(), envelope);
  close_block();
}

void AnswerWriter::redacted_thinking(std::string_view data) {
  if (state_ != State::kStarted || data.empty())
    return;
  close_block();
  write_redacted(next_index_++, data);
}

void AnswerWriter::tool_use(std::string_view id, std::string_view name) {
  if (state_ == State::kStarted)
    open(Open::kTool, id, name);
}

void AnswerWriter::tool_input(std::string_view delta) {
  if (state_ == State::kStarted && open_ == Open::kTool && !delta.empty())
    write_delta(Open::kTool, index(), delta);
}

void AnswerWriter::close_block() {
  if (open_ == Open::kNone)
    return;
  write_close(open_, index());
  open_ = Open::kNone;
}

void AnswerWriter::finish(std::string_view stop_reason, std::string_view stop_sequence, const TokenCounts& usage) {
  if (state_ != State::kStarted)
    return;
  close_block();
  write_finish(stop_reason, stop_sequence, usage);
  state_ = State::kEnded;
}

void AnswerWriter::error(std::string_view type, std::string_view message) {
  if (state_ == State::kEnded)
    return;
  write_error(type, message);
  open_ = Open::kNone;
  state_ = State::kEnded;
}

void append_usage(std::string& out, const TokenCounts& usage) {
  JsonWriter json(out);
  json.begin_object()
      .member("input_tokens", usage.input)
      .member("cache_creation_input_tokens", usage.cache_write)
      .member("cache_read_input_tokens", usage.cache_read);
  json.key("cache_creation")
      .begin_object()
      .member("ephemeral_5m_input_tokens", usage.cache_write)
      .member("ephemeral_1h_input_tokens", 0)
      .end_object();
  json.member("output_tokens", usage.output);
  if (usage.thinking > 0)
    json.key("output_tokens_details").begin_object().member("thinking_tokens", usage.thinking).end_object();
  json.member("service_tier", "standard").end_object();
}

}  // namespace tollgate::translation
