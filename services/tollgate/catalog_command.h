// tollgate catalog update|diff|show
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace tollgate {

// Adds the commands; `run` is set by the one that is given and does it, returning the exit code.
void add_catalog_command(CLI::App& app, std::function<int()>& run);

}  // namespace tollgate
