// tollgate check
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace tollgate {

// Adds the command; `run` is set when it was given and does it, returning the exit code.
void add_check_command(CLI::App& app, std::function<int()>& run);

}  // namespace tollgate
