// Names of tools and ids of their calls: the Messages API's and Gemini's own.
#pragma once

#include <string>
#include <string_view>

#include "services/provider_adapter/translation/messages_request.h"

namespace tollgate::gemini {

// Gemini takes 64 characters, the first of them a letter or an underscore; a longer name is cut and told apart by a
// digest.
std::string function_name(std::string_view tool);
// Whether function_name() may have made it from another.
bool may_be_changed(std::string_view function);
// The tool that is called by that function; `function` itself when none is.
std::string tool_of(const translation::MessagesRequest& request, std::string_view function);

// The id of a tool use for a call that has one of Gemini's, which must come back with the result; else empty.
std::string tool_use_id(std::string_view call_id);
// The id of Gemini's in it; empty when there is none.
std::string_view call_id(std::string_view tool_use_id);

}  // namespace tollgate::gemini
