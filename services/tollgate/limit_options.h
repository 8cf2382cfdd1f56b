// Limits and hold modes on the command line.
//
//   --limit 20 --reset daily              one limit
//   --limit 5/daily --limit 100/monthly   several
//   --limit none                          none
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tollgate/v1/limits.pb.h"

namespace CLI {
class App;
}

namespace tollgate {

struct LimitOptions {
  std::vector<std::string> limits;
  std::string reset;
  std::string hold_mode;
};

// What --hold-mode calls the mode that is not set: "workspace" for a key, which follows its workspace.
void add_limit_options(CLI::App& command, LimitOptions& options, const std::string& unset_mode);

// Nothing when none were given. INVALID_ARGUMENT names the option.
absl::StatusOr<std::optional<v1::Limits>> read_limits(const LimitOptions& options);
// Nothing when it was not given.
std::optional<v1::HoldMode> read_hold_mode(const LimitOptions& options);

}  // namespace tollgate
