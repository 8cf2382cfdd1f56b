// Answers about activity as JSON, in the spelling of services/common/base/record_json.h. Pure.
#pragma once

#include <string>

#include "gateway/json_text.h"
#include "services/common/base/record_json.h"
#include "tollgate/v1/activity.pb.h"

namespace tollgate {

// Sums have averages of the times in place of the sums. {"data":...}
std::string record_json(const v1::ActivityRecord& record);
std::string records_json(const v1::RecordsReply& reply);
std::string activity_json(const v1::ActivityQuery& query, const v1::ActivityReply& reply);
std::string sessions_json(const v1::SessionsReply& reply);

}  // namespace tollgate
