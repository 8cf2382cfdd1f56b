// A request of the Messages API as one of the chat completions API. What cannot be said there is in README.md.
// Source: https://platform.openai.com/docs/api-reference/chat/create
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/provider_adapter/openai/quirks.h"
#include "services/provider_adapter/openai/tool_ids.h"
#include "services/provider_adapter/translation/envelope.h"
#include "services/provider_adapter/translation/messages_request.h"

namespace tollgate::openai {

struct RequestContext {
  // The configured upstream, and the model as it calls it.
  std::string_view upstream;
  std::string_view model;
  const Quirks& quirks;
  const translation::Envelopes& envelopes;
};

// The body. An error is of kind unsupported where another upstream could take the request.
absl::StatusOr<std::string> chat_request(const translation::MessagesRequest& request, const RequestContext& context);

// Of the request's tools, those that go out under another name.
ToolNames renamed_tools(const translation::MessagesRequest& request);

}  // namespace tollgate::openai
