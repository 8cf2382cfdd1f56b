// A request of the Messages API, read once, for the dialects that have to say it in other words.
// Source: https://docs.anthropic.com/en/api/messages
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace tollgate::translation {

// A value as the client wrote it.
using Json = simdjson::dom::element;

// On one line, members in their order.
std::string to_json(const Json& value);

struct Source {
  // kText: `data` is the text of a document. kContent: the document's own blocks, in Block::content.
  enum class Kind { kNone, kBase64, kText, kUrl, kFile, kContent };
  Kind kind = Kind::kNone;
  std::string_view media_type;
  // Base64, text, URL or the file's id.
  std::string_view data;
};

struct Block {
  enum class Kind {
    kText,
    kImage,
    kDocument,
    kSearchResult,
    kToolUse,
    kToolResult,
    kThinking,
    kRedactedThinking,
    // Of tools that the upstream runs itself: their calls and their results.
    kServerToolUse,
    kServerToolResult,
    // Any other; `type` says which.
    kOther,
  };
  Kind kind = Kind::kOther;
  std::string_view type;
  // The text, the thinking, or the data of redacted thinking.
  std::string_view text;
  // Of thinking.
  std::string_view signature;
  // Of images and documents; of a search result `data` is where it comes from.
  Source source;
  std::string_view title;
  std::string_view context;
  // Of a tool use its own, of a tool result that of the use it answers.
  std::string_view id;
  std::string_view name;
  // Of a tool use: an object.
  std::optional<Json> input;
  bool is_error = false;
  // Of a tool result, a search result, or a document of blocks. A string stands here as one text.
  std::vector<Block> content;
  std::optional<Json> cache_control;
  Json raw;
};

struct Turn {
  enum class Role { kUser, kAssistant, kSystem };
  Role role = Role::kUser;
  std::vector<Block> blocks;
  // Where its first message stands in `messages`.
  std::size_t index = 0;
};

struct Tool {
  // Empty or "custom": the client's own. Others are the API's (bash_20250124, web_search_20250305).
  std::string_view type;
  std::string_view name;
  std::string_view description;
  std::optional<Json> input_schema;
  std::optional<bool> strict;
  std::optional<Json> cache_control;
  Json raw;

  bool custom() const { return type.empty() || type == "custom"; }
};

struct ToolChoice {
  enum class Kind { kAuto, kAny, kTool, kNone };
  Kind kind = Kind::kAuto;
  std::string_view name;
  bool disable_parallel = false;
};

struct Thinking {
  enum class Kind { kUnset, kDisabled, kEnabled, kAdaptive };
  Kind kind = Kind::kUnset;
  std::int64_t budget_tokens = 0;
  // `display` is "omitted": its text is not to be shown.
  bool omitted = false;

  bool on() const { return kind == Kind::kEnabled || kind == Kind::kAdaptive; }
};

// Texts and values point into the reader that it came from.
struct MessagesRequest {
  std::string_view model;
  bool stream = false;
  std::optional<std::int64_t> max_tokens;
  std::vector<Block> system;
  // Messages of one role that follow each other are one turn, as the API has it.
  std::vector<Turn> turns;
  std::vector<Tool> tools;
  std::optional<ToolChoice> tool_choice;
  std::optional<double> temperature;
  std::optional<double> top_p;
  std::optional<std::int64_t> top_k;
  std::vector<std::string_view> stop_sequences;
  Thinking thinking;
  // output_config.effort; empty when unset.
  std::string_view effort;
  // The schema of output_config.format.
  std::optional<Json> output_schema;
  // metadata.user_id.
  std::string_view user_id;

  // The name of the tool use with that id; empty when there is none.
  std::string_view tool_name(std::string_view id) const;
};

// Used by one thread at a time. Its memory is kept for the next request.
class RequestReader {
 public:
  // The result lives until the next read. An error is the client's (invalid request), in the API's own words:
  // "messages.3.content.0: ...". Checked is the shape of what is read, and that each tool use has its result. A request
  // that counts tokens needs no max_tokens.
  absl::StatusOr<MessagesRequest> read(std::string_view body, bool needs_max_tokens = true);

 private:
  simdjson::dom::parser parser_;
};

}  // namespace tollgate::translation
