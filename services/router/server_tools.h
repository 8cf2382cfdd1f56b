// How often the upstream may run tools of its own for one request.
#pragma once

#include <cstdint>
#include <string_view>

#include "services/router/prompt_traits.h"

namespace tollgate::router {

struct ServerTools {
  // Of all of them together: each use is another round, which bills the prompt again.
  std::int64_t uses = 0;
  // How many of them can be web searches, and turns of an advising model.
  std::int64_t searches = 0;
  std::int64_t advices = 0;
};

// `tools`: the member of that name as it stands in the body, empty when there is none. `traits` are the body's: a tool
// that is declared elsewhere, or hidden, counts as one without a bound. `mcp`: the request names MCP servers.
ServerTools server_tools(std::string_view tools, const PromptTraits& traits, bool mcp);

}  // namespace tollgate::router
