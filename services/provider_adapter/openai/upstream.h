// Makes an upstream of the dialect "openai".
#pragma once

#include "services/provider_adapter/anthropic/upstream.h"

namespace tollgate::openai {

// Fails when the URL, the key, the preset, the quirks or the CA file cannot be used; the error names the field.
absl::StatusOr<std::unique_ptr<anthropic::Upstream>> make_upstream(asio::io_context& context, Deadlines& deadlines,
                                                                   anthropic::UpstreamOptions options);

}  // namespace tollgate::openai
