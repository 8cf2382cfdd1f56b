// tollgate key create|list|show|update|disable|enable|delete
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace tollgate {

// Adds the command; `run` is set by the one that was given and does it, returning the exit code.
void add_key_command(CLI::App& app, std::function<int()>& run);

}  // namespace tollgate
