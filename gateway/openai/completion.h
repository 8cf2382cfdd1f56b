// What chunks and whole completions have in common. Pure.
// Source: https://platform.openai.com/docs/api-reference/chat/object
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "gateway/openai/json_read.h"
#include "services/common/base/json_writer.h"

namespace tollgate::chat {

// Of the reasoning that is shown and comes back: what is in it, and whose signature.
inline constexpr std::string_view kReasoningFormat = "anthropic-claude-v1";

// The head of every object of one completion.
struct CompletionHead {
  std::string id;
  std::string model;
  std::int64_t created = 0;

  // Begins the object and writes them; `type` is chat.completion or chat.completion.chunk.
  void begin(std::string_view type, JsonWriter& json) const;
};

// The finish_reason of a stop_reason.
std::string_view finish_reason(std::string_view stop_reason);

// Token counts of the Messages API, where a later report replaces an earlier one member by member.
class ChatUsage {
 public:
  void take(Element usage);
  // `cost_nano_usd`: what the key was charged, when it is known.
  void write(std::optional<std::int64_t> cost_nano_usd, JsonWriter& json) const;

 private:
  std::int64_t input_ = 0;
  std::int64_t output_ = 0;
  std::int64_t cache_read_ = 0;
  std::int64_t cache_write_ = 0;
  std::int64_t thinking_ = 0;
};

// {"id": ..., "type": "function", "function": {"name": ..., "arguments": ...}} without the braces around it.
void write_call(std::string_view id, std::string_view name, std::string_view arguments, JsonWriter& json);

// The members of one of the reasoning_details that all have; the object stays open.
void begin_detail(std::string_view type, std::uint64_t index, JsonWriter& json);

// The completion of a whole Message. KIND_UNAVAILABLE when `message` is none. `head.model` is the fallback.
absl::StatusOr<std::string> completion_json(std::string_view message, CompletionHead head, bool exclude_reasoning,
                                            std::optional<std::int64_t> cost_nano_usd);

}  // namespace tollgate::chat
