#include "services/budget/activity_writes.h"

#include <fmt/format.h>

#include <chrono>

#include "services/budget/packed_sums.h"
#include "services/common/base/digest.h"

namespace tollgate {
namespace {

constexpr std::size_t kDigestLength = 32;

std::string digest_or_none(const v1::ActivityRecord& record) {
  return record.session_id().empty() ? std::string() : session_digest(record.key_id(), record.session_id());
}

std::string seconds_of(std::chrono::days days) {
  return std::to_string(std::chrono::seconds(days).count());
}

}  // namespace

v1::ActivityRecord settled_record(const v1::SettleRequest& request) {
  v1::ActivityRecord record = request.record();
  record.set_generation_id(request.generation_id());
  record.set_key_id(request.key_hash());
  record.set_cost_nano_usd(request.cost_nano_usd());
  record.set_usage_source(request.usage_source());
  // A caller that knows nothing of records.
  if (!request.has_record()) {
    record.set_model(request.model());
    record.set_provider(request.provider());
    *record.mutable_usage() = request.usage();
  }
  // The stream's name says it.
  record.clear_workspace();
  return record;
}

void append_keep(const ActivityConfig& config, std::vector<std::string>& args) {
  args.push_back(std::to_string(config.raw_count));
  args.push_back(seconds_of(config.hourly));
  args.push_back(seconds_of(config.daily));
}

void append_activity(const v1::ActivityRecord& record, std::vector<std::string>& args) {
  args.push_back(record.SerializeAsString());
  args.push_back(sums_field(record));
  args.push_back(pack_sums(sums_of(record)));
  args.push_back(digest_or_none(record));
  args.push_back(record.agent_id());
  args.push_back(record.session_id());
  args.push_back(record.parent_agent_id());
}

std::string orphan_about(const v1::ReserveRequest& request) {
  if (!request.has_record())
    return {};
  v1::ActivityRecord record = request.record();
  record.set_model(request.model());
  record.set_key_id(request.key_hash());
  const std::string digest = digest_or_none(record);
  // The script knows these.
  record.clear_generation_id();
  record.clear_key_id();
  record.clear_workspace();
  return pack_texts({record.model(), digest, record.agent_id(), record.session_id(), record.parent_agent_id(),
                     record.SerializeAsString()});
}

std::string sums_field(const v1::ActivityRecord& record) {
  return fmt::format("{}|{}|{}|{}", record.key_id(), record.model(), record.provider(), record.status());
}

SumsField parse_sums_field(std::string_view field) {
  // A model's id comes from the catalog: the bars that count are the outer ones.
  const std::size_t first = field.find('|');
  const std::size_t third = field.rfind('|');
  const std::size_t second = third == std::string_view::npos || third == 0 ? third : field.rfind('|', third - 1);
  if (first == std::string_view::npos || first >= second || second >= third)
    return {};
  return {field.substr(0, first), field.substr(first + 1, second - first - 1),
          field.substr(second + 1, third - second - 1), field.substr(third + 1)};
}

std::string session_digest(std::string_view key_id, std::string_view session_id) {
  return sha256_hex(fmt::format("{}\n{}", key_id, session_id)).substr(0, kDigestLength);
}

}  // namespace tollgate
