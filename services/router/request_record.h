// The beginning of a request's record: what is known before anybody is asked.
#pragma once

#include <string>
#include <string_view>

#include "services/router/conversation.h"
#include "services/router/request_scan.h"
#include "tollgate/v1/activity.pb.h"
#include "tollgate/v1/messages.pb.h"

namespace tollgate::router {

// At most so much of a text that a client has given goes into a record.
inline constexpr std::size_t kMostText = 256;

// The beginning of `text`, as UTF-8 without control characters: clients send what they like.
std::string record_text(std::string_view text);

// Of a request that has just come: its time, its API, and what its headers tell of the client.
v1::ActivityRecord begin_record(const std::string& generation_id, const std::string& key_hash,
                                const v1::CreateRequest& request);
// What its body tells.
void add_body(const RequestScan& scan, std::string_view body, const Headers& headers, v1::ActivityRecord& record);
// How it ended, for a failure that its client was told.
void add_failure(const v1::Failure& failure, v1::ActivityRecord& record);
// Ms since it came.
std::int64_t age_ms(const v1::ActivityRecord& record);

}  // namespace tollgate::router
