#include "services/router/server_tools.h"

#include <simdjson.h>

#include <algorithm>

namespace tollgate::router {
namespace {

namespace ondemand = simdjson::ondemand;

// An assumption: the API documents no bound for a tool without `max_uses`, but it pauses a turn after ten rounds of its
// own (`pause_turn`), and lets the client decide whether to go on.
constexpr std::int64_t kUsesWithoutBound = 10;
// An assumption too: no upstream runs more rounds in one request, whatever `max_uses` allows.
constexpr std::int64_t kMostUses = 1000;

struct Tool {
  ToolKind kind = ToolKind::kNone;
  std::int64_t uses = kUsesWithoutBound;
};

// A member given twice may be read either way: a kind that costs wins, and the larger number.
void read_member(std::string_view key, ondemand::value value, Tool& tool, bool& bounded) {
  std::string_view text;
  std::int64_t number = 0;
  if (key == "type" && !value.get_string().get(text)) {
    tool.kind = std::max(tool.kind, tool_kind(text));
  } else if (key == "max_uses" && !value.get_int64().get(number) && number >= 0) {
    tool.uses = bounded ? std::max(tool.uses, number) : number;
    bounded = true;
  }
}

bool read_tool(ondemand::value value, Tool& tool) {
  ondemand::object object;
  if (value.get_object().get(object))
    return false;
  bool bounded = false;
  for (auto member : object) {
    std::string_view key;
    ondemand::value content;
    if (member.unescaped_key().get(key) || member.value().get(content))
      return false;
    read_member(key, content, tool, bounded);
  }
  return true;
}

// Adds the uses of one tool, and takes it out of those that are still to be found.
void add(const Tool& tool, PromptTraits& left, ServerTools& sum) {
  const std::int64_t uses = std::min(tool.uses, kMostUses);
  switch (tool.kind) {
    case ToolKind::kNone:
    case ToolKind::kClient:
      return;
    case ToolKind::kSearch:
      --left.search_tools;
      sum.searches += uses;
      break;
    case ToolKind::kAdvisor:
      --left.advisor_tools;
      sum.advices += uses;
      break;
    case ToolKind::kServer:
      --left.other_server_tools;
      break;
  }
  sum.uses += uses;
}

void read_tools(std::string_view json, PromptTraits& left, ServerTools& sum) {
  const simdjson::padded_string padded(json);
  ondemand::parser parser;
  ondemand::document document;
  ondemand::array array;
  if (parser.iterate(padded).get(document) || document.get_array().get(array))
    return;
  for (auto element : array) {
    ondemand::value value;
    Tool tool;
    if (element.get(value) || !read_tool(value, tool))
      return;
    add(tool, left, sum);
  }
}

}  // namespace

ServerTools server_tools(std::string_view tools, const PromptTraits& traits, bool mcp) {
  ServerTools sum;
  PromptTraits left = traits;
  const bool any = traits.search_tools + traits.advisor_tools + traits.other_server_tools > 0;
  if (any && !tools.empty())
    read_tools(tools, left, sum);
  const auto unbounded = [](std::int64_t count, bool one_more) {
    return (std::clamp<std::int64_t>(count, 0, kMostUses) + (one_more ? 1 : 0)) * kUsesWithoutBound;
  };
  const std::int64_t searches = unbounded(left.search_tools, traits.hidden);
  const std::int64_t advices = unbounded(left.advisor_tools, traits.hidden);
  const std::int64_t others = unbounded(left.other_server_tools, traits.hidden || mcp);
  sum.searches = std::min(sum.searches + searches, kMostUses);
  sum.advices = std::min(sum.advices + advices, kMostUses);
  sum.uses = std::min(sum.uses + searches + advices + others, kMostUses);
  return sum;
}

}  // namespace tollgate::router
