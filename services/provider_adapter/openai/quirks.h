// How an upstream's chat completions differ from the others'. Data: presets.json, the configuration on top of it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace tollgate::openai {

// The defaults are what every known upstream takes.
struct Quirks {
  enum class MaxTokensField { kMaxTokens, kMaxCompletionTokens };
  enum class SystemRole { kSystem, kDeveloper };
  // Where the system speaks in the middle of a conversation: there, or with the rest at the top.
  enum class MidSystem { kNative, kHoist };
  // The members that reasoning comes in.
  enum class ReasoningIn { kAny, kReasoningContent, kReasoning, kReasoningDetails, kNone };
  // How the reasoning of earlier turns goes back. kRequired: as reasoning_content, and on every message of the
  // assistant's, empty where it is lost.
  enum class ReplayReasoning { kNone, kReasoningContent, kReasoning, kReasoningDetails, kRequired };
  // reasoning_effort; reasoning: {...}; thinking: {"type": ...}; chat_template_kwargs: {"enable_thinking": ...}.
  enum class EffortForm { kNone, kOpenAi, kOpenRouter, kThinkingToggle, kChatTemplate };
  enum class ResponseFormat { kNone, kJsonObject, kJsonSchema };
  // How a last message of the assistant's is continued: not at all, "prefix": true, "partial": true, or
  // continue_final_message.
  enum class Prefill { kNone, kPrefix, kPartial, kContinue };
  // Ids of tool calls: any, exactly nine letters and digits, or at most forty bytes.
  enum class ToolId { kAny, kAlnum9, kMax40 };
  enum class UserField { kNone, kUser, kSafetyIdentifier };

  MaxTokensField max_tokens_field = MaxTokensField::kMaxTokens;
  SystemRole system_role = SystemRole::kSystem;
  MidSystem mid_system = MidSystem::kHoist;
  ReasoningIn reasoning_in = ReasoningIn::kAny;
  ReplayReasoning replay_reasoning = ReplayReasoning::kNone;
  EffortForm effort_form = EffortForm::kNone;
  ResponseFormat response_format = ResponseFormat::kNone;
  Prefill prefill = Prefill::kNone;
  ToolId tool_id = ToolId::kAny;
  UserField user_field = UserField::kNone;
  // stream_options.include_usage.
  bool stream_usage = true;
  // Takes parallel_tool_calls.
  bool parallel_tool_calls = false;
  // Takes temperature and top_p.
  bool temperature_allowed = true;
  bool top_k = false;
  // Takes `strict` on tools.
  bool strict_tools = false;
  bool images = false;
  // PDFs, as `file` parts.
  bool documents = false;
  // Wants the assistant's word between the results of tools and the user's.
  bool assistant_after_tools = false;
  // Takes cache_control on parts.
  bool cache_control = false;
  // Stop sequences that it takes; all are watched for here as well.
  std::uint32_t stop_max = 4;
};

// What an upstream's models are like.
class QuirkTable {
 public:
  // `preset`: a name in presets.json; empty: "default". `overrides`: a JSON object of quirks, with `models` inside for
  // those of single models ("gpt-5*": {...}); or empty. The error names what is wrong in the configuration's words.
  static absl::StatusOr<QuirkTable> make(std::string_view preset, std::string_view overrides);

  // The first pattern that fits counts.
  const Quirks& of(std::string_view model) const;

 private:
  Quirks quirks_;
  // A pattern that ends in * fits all that begin so.
  std::vector<std::pair<std::string, Quirks>> models_;
};

}  // namespace tollgate::openai
