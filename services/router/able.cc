#include "services/router/able.h"

#include <fmt/format.h>

#include <algorithm>

#include "services/common/base/errors.h"
#include "services/router/roles.h"

namespace tollgate::router {
namespace {

bool takes_system_messages(const Candidate& candidate) {
  const v1::Features& features = candidate.endpoint->features();
  return !features.has_mid_conversation_system() || features.mid_conversation_system();
}

}  // namespace

absl::Status keep_able(const std::string& body, std::vector<Candidate>& candidates) {
  // Mostly all do, and the messages need not be read.
  if (std::all_of(candidates.begin(), candidates.end(), takes_system_messages) || !has_system_message(body))
    return absl::OkStatus();
  const std::string model = candidates.front().model->id();
  std::erase_if(candidates, [](const Candidate& candidate) { return !takes_system_messages(candidate); });
  if (!candidates.empty())
    return absl::OkStatus();
  return error(v1::Failure::KIND_INVALID_REQUEST,
               fmt::format("messages: role 'system' is not supported on this model ({}) at any provider that is left. "
                           "Use the top-level 'system' member instead.",
                           model));
}

}  // namespace tollgate::router
