// What in a request's body can make its prompt dearer than its bytes say, found without parsing it: one pass over the
// bytes, a few microseconds for each 100 KB.
#pragma once

#include <cstdint>
#include <string_view>

namespace tollgate::router {

struct PromptTraits {
  // "cache_control" stands in the body as a whole string: parts of the prompt may be written to a cache.
  bool cache_control = false;
  // "1h" does: for an hour.
  bool one_hour = false;
  // A document, or anything by URL or file id: how many tokens it has cannot be known here.
  bool unbounded = false;
  // The upstream may sum the conversation up before it answers.
  bool compaction = false;
  // A letter, digit or underscore is written as \u00XX. Nobody needs that; it can hide everything above and below.
  bool hidden = false;
  std::int64_t images = 0;
  // Tools of the API's own that the client runs (bash_20250124): the upstream explains them to the model.
  std::int64_t client_tools = 0;
  // Tools that the upstream runs itself, which bill the prompt again after each use. A type with a date that is not
  // known to be anything else counts as one.
  std::int64_t search_tools = 0;
  std::int64_t advisor_tools = 0;
  std::int64_t other_server_tools = 0;

  bool operator==(const PromptTraits&) const = default;
};

// `body` is valid JSON; of anything else the result means nothing.
PromptTraits prompt_traits(std::string_view body);

enum class ToolKind { kNone, kClient, kSearch, kAdvisor, kServer };

// By the value of a tool's `type`. Source: https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/overview
ToolKind tool_kind(std::string_view type);

}  // namespace tollgate::router
