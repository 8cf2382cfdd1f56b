// tollgate activity
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace tollgate {

// Adds the command; `run` is set by it and does it, returning the exit code.
void add_activity_command(CLI::App& app, std::function<int()>& run);

}  // namespace tollgate
