// Ids of messages and tool calls, between two APIs with rules of their own. The same id always becomes the same.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "services/provider_adapter/openai/quirks.h"

namespace tollgate::openai {

// msg_...; of what identifies the answer.
std::string message_id(std::string_view identity);

// The upstream's id as the Messages API takes it: letters, digits, _ and -. What had to be changed ends in a digest.
std::string client_tool_id(std::string_view id);

// For a call without an id, or with one that the message has already: the `number`th of the generation.
std::string made_tool_id(std::string_view generation_id, std::string_view id, std::size_t number);

// The client's id as the upstream takes it.
std::string upstream_tool_id(std::string_view id, Quirks::ToolId rule);

// By the name that the upstream knows.
using ToolNames = std::map<std::string, std::string, std::less<>>;

// A tool's name as every upstream takes it: at most 64 letters, digits, _ and -.
std::string upstream_tool_name(std::string_view name);
// The client's name for it.
std::string_view client_tool_name(const ToolNames& names, std::string_view name);

}  // namespace tollgate::openai
