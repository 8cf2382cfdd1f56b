// tollgate ledger verify: proves that the counters are what the records add up to.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace tollgate {

// Adds the command; sets `run` when it was given. Exit code: 0 all adds up, 1 it does not (or did not before a repair),
// 2 it could not be looked at.
void add_ledger_command(CLI::App& app, std::function<int()>& run);

}  // namespace tollgate
