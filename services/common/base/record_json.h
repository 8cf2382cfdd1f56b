// A record as one JSON object, for whoever reads it outside of Tollgate: names as in protos/tollgate/v1/activity.proto,
// amounts in USD, times RFC 3339 with milliseconds. Pure.
#pragma once

#include <string>

#include "tollgate/v1/activity.pb.h"

namespace tollgate {

// On one line; what is not UTF-8 is replaced.
std::string record_line(const v1::ActivityRecord& record);

}  // namespace tollgate
