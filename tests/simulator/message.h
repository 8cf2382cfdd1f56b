// A message of the assistant, and its two forms on the wire: one JSON object, or server-sent events.
// Source: https://docs.anthropic.com/en/api/messages and https://docs.anthropic.com/en/docs/build-with-claude/streaming
#pragma once

#include <string>
#include <vector>

#include "tests/simulator/reply.h"

namespace tollgate::simulator {

struct Block {
  enum class Kind { kText, kThinking, kRedactedThinking, kToolUse };
  Kind kind = Kind::kText;
  // The text, the thinking, or the data of redacted thinking.
  std::string text;
  // Of thinking.
  std::string signature;
  // Of a tool use: its id, the tool's name and its input, a JSON object.
  std::string id;
  std::string name;
  std::string input;
};

struct Message {
  std::string id;
  std::string model;
  std::vector<Block> content;
  std::string stop_reason = "end_turn";
  // Empty: null.
  std::string stop_sequence;
  Usage usage;
};

// What a text counts for: a quarter of its bytes, rounded up.
std::int64_t tokens_of(std::string_view text);

// Fills `usage.output` and `usage.thinking` from the content: at least 1.
void count_output(Message& message);

std::string message_json(const Message& message);

// message_start, then for each block its start, deltas of about `delta_bytes` and its stop, a ping after the first
// block's start, then message_delta and message_stop.
std::vector<Piece> message_events(const Message& message, std::size_t delta_bytes = 24);

// The `usage` of a message; `in_delta`: as message_delta has it, cumulative and without the split of cache writes.
std::string usage_json(const Usage& usage, bool in_delta);

// event: <type>\ndata: <json>\n\n
std::string sse_event(std::string_view type, std::string_view json);

}  // namespace tollgate::simulator
