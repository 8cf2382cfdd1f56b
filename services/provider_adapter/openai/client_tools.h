// The tools that the Messages API names and the client runs: its models know them, others need to be told.
// Source: https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/overview
#pragma once

#include <string_view>

namespace tollgate::openai {

struct ClientTool {
  std::string_view description;
  // JSON.
  std::string_view parameters;
};

// By the tool's type, "bash_20250124"; null when it is none that can be explained.
const ClientTool* client_tool(std::string_view type);

}  // namespace tollgate::openai
