// What the ledger's scripts are given to write of a request (scripts/activity.lua). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "services/common/config/config.h"
#include "tollgate/v1/ledger.pb.h"

namespace tollgate {

// The record that a settlement leaves: the one that came with it, with the settlement's own key and cost.
v1::ActivityRecord settled_record(const v1::SettleRequest& request);

// Appends what read_keep() reads.
void append_keep(const ActivityConfig& config, std::vector<std::string>& args);
// Appends what read_activity() reads. The record has its key.
void append_activity(const v1::ActivityRecord& record, std::vector<std::string>& args);
// What a hold keeps for the record of a request whose owner dies; empty when nothing is known.
std::string orphan_about(const v1::ReserveRequest& request);

// The sums that a record counts in: a field of their hashes. `key` and the others point into `field`.
struct SumsField {
  std::string_view key;
  std::string_view model;
  std::string_view provider;
  std::string_view status;
};
std::string sums_field(const v1::ActivityRecord& record);
// All empty when it is none.
SumsField parse_sums_field(std::string_view field);

// Sessions of one name are different ones for different keys.
std::string session_digest(std::string_view key_id, std::string_view session_id);

}  // namespace tollgate
