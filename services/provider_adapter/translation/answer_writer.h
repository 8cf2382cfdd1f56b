// Writes an answer as the Messages API gives it, block by block, in one of its two forms: event_writer.h, and
// message_writer.h. Whoever translates says what comes in whatever order it comes; the order on the wire is kept here.
// Source: https://docs.anthropic.com/en/docs/build-with-claude/streaming
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tollgate::translation {

// Tokens of one answer; none is counted twice.
struct TokenCounts {
  // Of the prompt, what was neither read from nor written to a cache.
  std::int64_t input = 0;
  // Thinking included.
  std::int64_t output = 0;
  std::int64_t cache_read = 0;
  std::int64_t cache_write = 0;
  std::int64_t thinking = 0;

  bool operator==(const TokenCounts&) const = default;
};

// At most one block is open: whatever begins another one closes it first. Calls that make no sense where they come
// (content before start(), anything after finish() or error()) are ignored, so that every sequence is well-formed.
class AnswerWriter {
 public:
  virtual ~AnswerWriter() = default;

  // `usage`: what is known of it by now.
  void start(std::string_view id, std::string_view model, const TokenCounts& usage);

  // Opens a block when none of its kind is open. Empty ones open nothing.
  void text(std::string_view delta);
  void thinking(std::string_view delta);
  // Ends the open block of thinking; when there is none, one without text that holds only this.
  void signature(std::string_view envelope);
  void redacted_thinking(std::string_view data);
  void tool_use(std::string_view id, std::string_view name);
  // A piece of the JSON that is the input of the open tool use.
  void tool_input(std::string_view delta);
  void close_block();

  // `stop_sequence` empty: null.
  void finish(std::string_view stop_reason, std::string_view stop_sequence, const TokenCounts& usage);
  // The end as well: of an answer that broke off.
  void error(std::string_view type, std::string_view message);

  bool started() const { return state_ != State::kNew; }
  bool ended() const { return state_ == State::kEnded; }
  // Blocks begun so far.
  std::size_t blocks() const { return next_index_; }
  bool thinking_open() const { return open_ == Open::kThinking; }
  bool tool_open() const { return open_ == Open::kTool; }

 protected:
  enum class Open { kNone, kText, kThinking, kTool };

  // What the form writes. Blocks come one after the other, `index` counting up.
  virtual void write_start(std::string_view id, std::string_view model, const TokenCounts& usage) = 0;
  // `id` and `name` of a tool use.
  virtual void write_open(Open kind, std::size_t index, std::string_view id, std::string_view name) = 0;
  virtual void write_delta(Open kind, std::size_t index, std::string_view delta) = 0;
  virtual void write_signature(std::size_t index, std::string_view signature) = 0;
  virtual void write_redacted(std::size_t index, std::string_view data) = 0;
  virtual void write_close(Open kind, std::size_t index) = 0;
  virtual void write_finish(std::string_view stop_reason, std::string_view stop_sequence, const TokenCounts& usage) = 0;
  virtual void write_error(std::string_view type, std::string_view message) = 0;

 private:
  enum class State { kNew, kStarted, kEnded };

  void open(Open kind, std::string_view id = {}, std::string_view name = {});
  std::size_t index() const { return next_index_ - 1; }

  State state_ = State::kNew;
  Open open_ = Open::kNone;
  std::size_t next_index_ = 0;
};

// The members of `usage`, braces included.
void append_usage(std::string& out, const TokenCounts& usage);

}  // namespace tollgate::translation
