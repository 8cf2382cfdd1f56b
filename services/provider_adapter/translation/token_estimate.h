// How many tokens a prompt has, where nobody counts them.
#pragma once

#include <cstdint>
#include <string_view>

#include "services/provider_adapter/translation/messages_request.h"

namespace tollgate::translation {

// Of a text in any script.
std::int64_t estimate_text(std::string_view text);

// Of the whole prompt: system, messages, tools and what the API itself puts around them. Never 0.
std::int64_t estimate_prompt(const MessagesRequest& request);

}  // namespace tollgate::translation
