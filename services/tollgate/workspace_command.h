// tollgate workspace create|list|show|update|delete
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace tollgate {

// As add_key_command().
void add_workspace_command(CLI::App& app, std::function<int()>& run);

}  // namespace tollgate
