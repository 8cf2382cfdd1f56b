// The content of a chat message as blocks of the Messages API. Pure.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "gateway/openai/json_read.h"
#include "services/common/base/json_writer.h"

namespace tollgate::chat {

// Whose content it is: not all of it may hold everything.
enum class Author { kSystem, kUser, kAssistant, kTool };

// Appends a block for each part of `content` (a string or an array of parts) to the array that `blocks` is in. Empty
// texts are left out: the API takes none. `cache_control` of a part goes along. `path` names the content in errors.
absl::Status write_parts(Element content, Author author, const std::string& path, JsonWriter& blocks);

void write_text_block(std::string_view text, JsonWriter& blocks);

}  // namespace tollgate::chat
