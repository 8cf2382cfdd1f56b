// What a process counts of the gRPC calls that it serves.
#pragma once

#include "absl/status/status.h"

namespace tollgate {

// From here on they are shown, though there may be none yet.
void show_call_metrics();
// Each call begins once and ends once. Any thread.
void count_call_begin();
void count_call_end(const absl::Status& status);

}  // namespace tollgate
