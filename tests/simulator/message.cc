#include "tests/simulator/message.h"

#include <fmt/format.h>

#include <algorithm>

#include "tests/simulator/json_text.h"

namespace tollgate::simulator {
namespace {

std::string block_json(const Block& block, bool empty) {
  switch (block.kind) {
    case Block::Kind::kThinking:
      return fmt::format(R"({{"type":"thinking","thinking":{},"signature":{}}})", json_string(empty ? "" : block.text),
                         json_string(empty ? "" : block.signature));
    case Block::Kind::kRedactedThinking:
      return fmt::format(R"({{"type":"redacted_thinking","data":{}}})", json_string(block.text));
    case Block::Kind::kToolUse:
      return fmt::format(R"({{"type":"tool_use","id":{},"name":{},"input":{}}})", json_string(block.id),
                         json_string(block.name), empty ? "{}" : block.input);
    case Block::Kind::kText:
      break;
  }
  return fmt::format(R"({{"type":"text","text":{}}})", json_string(empty ? "" : block.text));
}

std::string head_json(const Message& message) {
  return fmt::format(R"("model":{},"id":{},"type":"message","role":"assistant")", json_string(message.model),
                     json_string(message.id));
}

std::string stop_json(const Message& message) {
  return fmt::format(R"("stop_reason":{},"stop_sequence":{})", json_string(message.stop_reason),
                     message.stop_sequence.empty() ? "null" : json_string(message.stop_sequence));
}

Piece delta_event(std::size_t index, std::string_view delta_type, std::string_view member, std::string_view text) {
  return {sse_event("content_block_delta",
                    fmt::format(R"({{"type":"content_block_delta","index":{},"delta":{{"type":"{}","{}":{}}}}})", index,
                                delta_type, member, json_string(text)))};
}

// Cuts `text` into deltas; the tokens they add up to are those of the whole text.
void append_deltas(std::vector<Piece>& events, std::size_t index, std::string_view delta_type, std::string_view member,
                   std::string_view text, std::size_t delta_bytes) {
  std::size_t done = 0;
  while (done < text.size()) {
    std::string_view part = utf8_prefix(text.substr(done), delta_bytes);
    Piece event = delta_event(index, delta_type, member, part);
    event.output_tokens = tokens_of(text.substr(0, done + part.size())) - tokens_of(text.substr(0, done));
    events.push_back(std::move(event));
    done += part.size();
  }
}

void append_block(std::vector<Piece>& events, std::size_t index, const Block& block, std::size_t delta_bytes) {
  switch (block.kind) {
    case Block::Kind::kText:
      append_deltas(events, index, "text_delta", "text", block.text, delta_bytes);
      break;
    case Block::Kind::kThinking:
      append_deltas(events, index, "thinking_delta", "thinking", block.text, delta_bytes);
      events.push_back(delta_event(index, "signature_delta", "signature", block.signature));
      break;
    case Block::Kind::kToolUse:
      events.push_back(delta_event(index, "input_json_delta", "partial_json", ""));
      append_deltas(events, index, "input_json_delta", "partial_json", block.input, delta_bytes);
      break;
    case Block::Kind::kRedactedThinking:
      events.back().output_tokens += tokens_of(block.text);
      break;
  }
}

Piece message_start_event(const Message& message) {
  Usage usage = message.usage;
  usage.output = 1;
  usage.thinking = 0;
  std::string json =
      fmt::format(R"({{"type":"message_start","message":{{{},"content":[],"stop_reason":null,"stop_sequence":null,)"
                  R"("usage":{}}}}})",
                  head_json(message), usage_json(usage, false));
  return {sse_event("message_start", json)};
}

}  // namespace

std::int64_t tokens_of(std::string_view text) {
  return static_cast<std::int64_t>((text.size() + 3) / 4);
}

void count_output(Message& message) {
  Usage& usage = message.usage;
  usage.output = 0;
  usage.thinking = 0;
  for (const Block& block : message.content) {
    bool tool = block.kind == Block::Kind::kToolUse;
    bool thinking = block.kind == Block::Kind::kThinking || block.kind == Block::Kind::kRedactedThinking;
    std::int64_t tokens = tokens_of(tool ? block.input : block.text);
    usage.output += tokens;
    usage.thinking += thinking ? tokens : 0;
  }
  usage.output = std::max<std::int64_t>(usage.output, 1);
}

std::string usage_json(const Usage& usage, bool in_delta) {
  std::int64_t creation = usage.cache_creation_5m + usage.cache_creation_1h;
  std::string json = fmt::format(R"({{"input_tokens":{},"cache_creation_input_tokens":{},"cache_read_input_tokens":{})",
                                 usage.input, creation, usage.cache_read);
  auto out = std::back_inserter(json);
  if (!in_delta)
    fmt::format_to(out, R"(,"cache_creation":{{"ephemeral_5m_input_tokens":{},"ephemeral_1h_input_tokens":{}}})",
                   usage.cache_creation_5m, usage.cache_creation_1h);
  fmt::format_to(out, R"(,"output_tokens":{})", usage.output);
  if (usage.thinking > 0)
    fmt::format_to(out, R"(,"output_tokens_details":{{"thinking_tokens":{}}})", usage.thinking);
  if (!in_delta)
    json += R"(,"service_tier":"standard","inference_geo":"not_available")";
  json += '}';
  return json;
}

std::string message_json(const Message& message) {
  std::string json = fmt::format(R"({{{},"content":[)", head_json(message));
  for (const Block& block : message.content) {
    if (json.back() != '[')
      json += ',';
    json += block_json(block, false);
  }
  fmt::format_to(std::back_inserter(json), R"(],{},"usage":{}}})", stop_json(message),
                 usage_json(message.usage, false));
  return json;
}

std::string sse_event(std::string_view type, std::string_view json) {
  return fmt::format("event: {}\ndata: {}\n\n", type, json);
}

std::vector<Piece> message_events(const Message& message, std::size_t delta_bytes) {
  std::vector<Piece> events;
  events.push_back(message_start_event(message));
  for (std::size_t index = 0; index < message.content.size(); ++index) {
    const Block& block = message.content[index];
    bool whole = block.kind == Block::Kind::kRedactedThinking;
    events.push_back({sse_event("content_block_start",
                                fmt::format(R"({{"type":"content_block_start","index":{},"content_block":{}}})", index,
                                            block_json(block, !whole)))});
    if (index == 0)
      events.push_back({sse_event("ping", R"({"type":"ping"})")});
    append_block(events, index, block, delta_bytes);
    events.push_back(
        {sse_event("content_block_stop", fmt::format(R"({{"type":"content_block_stop","index":{}}})", index))});
  }
  events.push_back({sse_event("message_delta", fmt::format(R"({{"type":"message_delta","delta":{{{}}},"usage":{}}})",
                                                           stop_json(message), usage_json(message.usage, true)))});
  events.push_back({sse_event("message_stop", R"({"type":"message_stop"})")});
  return events;
}

}  // namespace tollgate::simulator
