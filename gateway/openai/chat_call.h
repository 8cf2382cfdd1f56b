// A chat completion as a call of the Messages interface.
#pragma once

#include "absl/status/status.h"
#include "services/common/api/catalog.h"
#include "services/common/api/messages.h"

namespace tollgate::chat {

// `request.body` is a chat completion request; what is written to `sink` is its answer. The catalog is asked where the
// request depends on the model. Rules as for Messages.
Awaitable<absl::Status> complete_chat(Messages& messages, Catalog& catalog, v1::CreateRequest request, FrameSink& sink);

}  // namespace tollgate::chat
