// An answer of the chat completions API, streamed or whole, told to an AnswerWriter. Sees no sockets.
// Source: https://platform.openai.com/docs/api-reference/chat
#pragma once

#include <simdjson.h>

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "services/provider_adapter/openai/quirks.h"
#include "services/provider_adapter/openai/reasoning.h"
#include "services/provider_adapter/openai/stop_filter.h"
#include "services/provider_adapter/openai/tool_calls.h"
#include "services/provider_adapter/openai/tool_ids.h"
#include "services/provider_adapter/translation/answer_writer.h"
#include "services/provider_adapter/translation/envelope.h"

namespace tollgate::openai {

// What an answer is read with.
struct AnswerContext {
  // The configured upstream and the model as it calls it: what thinking is sealed for.
  std::string upstream;
  std::string model;
  // Makes the message's id, and those of tool calls that come without one.
  std::string generation_id;
  Quirks quirks;
  // Outlives the answer.
  const translation::Envelopes* envelopes = nullptr;
  // Of the prompt: what is said before the upstream has counted, and when it never does.
  std::int64_t prompt_tokens = 0;
  std::vector<std::string> stop_sequences;
  // Of tools whose names are too long for the upstream.
  ToolNames tool_names;
};

// Deltas go out as they come. Since one block is open at a time, whatever comes while the input of a tool call is
// incomplete waits for its end, in its order.
class ChatAnswer {
 public:
  // `writer` outlives the answer.
  ChatAnswer(AnswerContext context, translation::AnswerWriter& writer);

  // Takes a chunk of a stream, or a whole answer. An error is the one that the upstream reports in it.
  absl::Status take(const simdjson::dom::object& chunk);
  // Nothing follows; `done`: the upstream said so. An error when the answer is none: it broke off, or has a tool call
  // whose input is not JSON.
  absl::Status finish(bool done);

  // It said why it stopped: only its counts, and the end, may still come.
  bool stopped() const { return !finish_reason_.empty(); }
  // The upstream has counted.
  bool counted() const { return counted_; }

 private:
  struct Waiting {
    enum class Kind { kText, kThinking, kDetail, kCall };
    Kind kind;
    std::string text;
    ReasoningDetail detail;
    ToolCall* call = nullptr;
  };

  void start(const simdjson::dom::object& chunk);
  absl::Status take_error(const simdjson::dom::object& chunk);
  void take_usage(const simdjson::dom::element& value);
  void take_choice(const simdjson::dom::object& choice);
  void take_reasoning(const simdjson::dom::object& delta);
  void take_content(const simdjson::dom::element& content);
  void take_calls(const simdjson::dom::object& delta, bool whole);

  void add(Waiting::Kind kind, std::string_view text);
  void add_call(ToolCall* call);
  // Writes what can be written. `all`: nothing follows.
  void pump(bool all);
  bool write(Waiting& next, bool all);
  void write_call(ToolCall& call, bool all);
  void write_detail(ReasoningDetail detail);
  void write_text(std::string_view text);
  void end_thinking();
  std::string envelope(std::string payload) const;
  std::string tool_id(const ToolCall& call);
  absl::Status check_calls();
  std::string stop_reason() const;
  translation::TokenCounts counts() const;
  absl::Status bad(std::string_view why) const;

  const AnswerContext context_;
  translation::AnswerWriter& writer_;
  StopFilter stop_;
  ToolCalls calls_;
  std::deque<Waiting> waiting_;
  // The call whose block is open, or was the last.
  ToolCall* current_ = nullptr;
  // Of the open block of thinking.
  ReasoningDetails details_;
  std::vector<std::string> used_ids_;
  std::string finish_reason_;
  // A stop sequence, as vLLM names it.
  std::string stop_sequence_;
  bool refused_ = false;
  bool answered_ = false;
  translation::TokenCounts usage_;
  bool counted_ = false;
  // Bytes of text, thinking and inputs.
  std::size_t written_ = 0;
};

}  // namespace tollgate::openai
